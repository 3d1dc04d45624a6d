package dev.millrace.server.metering.budget;

import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.Locale;

/** How long a budget has to last. */
public enum BudgetPeriod {
    DAY,
    MONTH;

    /** Its name in the database and in JSON. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException if there is none */
    public static BudgetPeriod ofWord(String word) {
        for (BudgetPeriod period : values()) {
            if (period.word().equals(word)) {
                return period;
            }
        }
        throw new IllegalArgumentException("period must be day or month, got \"" + word + "\"");
    }

    /** When the period that a moment is in has begun. */
    public Instant start(Instant moment, ZoneId zone) {
        return firstDay(moment, zone).atStartOfDay(zone).toInstant();
    }

    /** When it ends. */
    public Instant end(Instant moment, ZoneId zone) {
        LocalDate first = firstDay(moment, zone);
        return (this == DAY ? first.plusDays(1) : first.plusMonths(1)).atStartOfDay(zone)
                .toInstant();
    }

    private LocalDate firstDay(Instant moment, ZoneId zone) {
        LocalDate day = LocalDate.ofInstant(moment, zone);
        return this == DAY ? day : day.withDayOfMonth(1);
    }

    /** The time up to now that the burn rate is the average of. */
    Duration burnWindow() {
        return this == DAY ? Duration.ofHours(1) : Duration.ofHours(24);
    }
}
