package dev.millrace.server.metering.rate;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * The price of a kilowatt-hour by time of day and day of the week, on local clocks.
 *
 * @param zone         whose clocks
 * @param minutePrices price of each minute of the week from Monday 00:00 on; null where the usual
 *                     price holds
 */
public record Tariff(ZoneId zone, List<BigDecimal> minutePrices) {

    private static final int MINUTES_PER_DAY = 24 * 60;
    private static final int MINUTES_PER_WEEK = 7 * MINUTES_PER_DAY;
    private static final int MOST_PERIODS = 100;
    private static final String MOST_USD_PER_KWH = "10";
    private static final List<String> DAYS = List.of("mon", "tue", "wed", "thu", "fri", "sat",
            "sun");

    /**
     * Reads the section {@code cost.tariff}: a time zone and periods.
     *
     * @throws IllegalArgumentException if a key is unknown, a time no time, or two periods overlap
     */
    static Tariff parse(JsonNode section) {
        requireKeys(section, "cost.tariff", Set.of("time_zone", "periods"));
        ZoneId zone;
        try {
            zone = ZoneId.of(section.path("time_zone").asString(""));
        } catch (DateTimeException e) {
            throw new IllegalArgumentException("cost.tariff.time_zone must be a zone such as"
                    + " Europe/Berlin or UTC, got " + section.path("time_zone"), e);
        }
        JsonNode periods = section.path("periods");
        if (!periods.isArray() || periods.isEmpty() || periods.size() > MOST_PERIODS) {
            throw new IllegalArgumentException("cost.tariff.periods must be a list of 1 to "
                    + MOST_PERIODS + " periods with from, to and usd_per_kwh, got " + periods);
        }
        BigDecimal[] prices = new BigDecimal[MINUTES_PER_WEEK];
        for (int i = 0; i < periods.size(); i++) {
            fill(prices, periods.get(i), "cost.tariff.periods[" + i + "]");
        }
        return new Tariff(zone, Arrays.asList(prices));
    }

    private static void fill(BigDecimal[] prices, JsonNode period, String at) {
        requireKeys(period, at, Set.of("from", "to", "days", "usd_per_kwh"));
        int from = minute(period, at, "from");
        int to = minute(period, at, "to");
        int minutes = Math.floorMod(to - from, MINUTES_PER_DAY);
        BigDecimal price = CostConfig.checked(period, at, "usd_per_kwh", "0", MOST_USD_PER_KWH);
        for (DayOfWeek day : days(period, at)) {
            int start = day.ordinal() * MINUTES_PER_DAY + from;
            for (int i = 0; i < (minutes == 0 ? MINUTES_PER_DAY : minutes); i++) {
                int minute = (start + i) % MINUTES_PER_WEEK;
                if (prices[minute] != null) {
                    throw new IllegalArgumentException(at + " overlaps an earlier period on "
                            + DAYS.get(minute / MINUTES_PER_DAY) + " at "
                            + LocalTime.ofSecondOfDay(minute % MINUTES_PER_DAY * 60L)
                            + "; every minute has one price");
                }
                prices[minute] = price;
            }
        }
    }

    private static int minute(JsonNode period, String at, String key) {
        String text = period.path(key).asString("");
        if (text.matches("([01][0-9]|2[0-3]):[0-5][0-9]")) {
            return LocalTime.parse(text).toSecondOfDay() / 60;
        }
        throw new IllegalArgumentException(at + "." + key
                + " must be a time in quotes from \"00:00\" to \"23:59\", got " + period.get(key));
    }

    private static Set<DayOfWeek> days(JsonNode period, String at) {
        JsonNode list = period.get("days");
        if (list == null) {
            return EnumSet.allOf(DayOfWeek.class);
        }
        Set<DayOfWeek> days = EnumSet.noneOf(DayOfWeek.class);
        for (JsonNode day : list) {
            int index = DAYS.indexOf(day.asString("").toLowerCase(Locale.ROOT));
            if (index < 0) {
                throw new IllegalArgumentException(at + ".days must be a list of "
                        + String.join(", ", DAYS) + ", got " + list);
            }
            days.add(DayOfWeek.of(index + 1));
        }
        if (days.isEmpty()) {
            throw new IllegalArgumentException(at + ".days must name at least one of "
                    + String.join(", ", DAYS) + ", got " + list);
        }
        return days;
    }

    private static void requireKeys(JsonNode node, String at, Set<String> keys) {
        if (!node.isObject()) {
            throw new IllegalArgumentException(at + " must be a section with the keys "
                    + String.join(", ", new TreeSet<>(keys)) + ", got " + node);
        }
        List<String> unknown = new ArrayList<>(node.propertyNames());
        unknown.removeAll(keys);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(at + "." + unknown.getFirst()
                    + " is not known (known: " + String.join(", ", new TreeSet<>(keys)) + ")");
        }
    }

    /** The price at a moment. @param usual where no period holds */
    BigDecimal at(Instant moment, BigDecimal usual) {
        ZonedDateTime local = moment.atZone(zone);
        BigDecimal price = minutePrices.get(local.getDayOfWeek().ordinal() * MINUTES_PER_DAY
                + local.getHour() * 60 + local.getMinute());
        return price == null ? usual : price;
    }
}
