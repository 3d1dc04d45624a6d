package dev.millrace.models.store;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;

/** A server that asks to come back later. */
final class BusyException extends IOException {

    private static final long serialVersionUID = 1L;
    private static final int MAX_DIGITS = 9;

    private final Duration pause;

    /** @param retryAfter the header of that name, in seconds or as a date (RFC 9110, 10.2.3) */
    BusyException(String message, Optional<String> retryAfter) {
        super(message);
        this.pause = retryAfter.map(String::strip).map(BusyException::parse).orElse(Duration.ZERO);
    }

    /** How long it asks to be left alone; zero if it does not say. */
    Duration pause() {
        return pause;
    }

    private static Duration parse(String text) {
        if (!text.isEmpty() && text.length() <= MAX_DIGITS
                && text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return Duration.ofSeconds(Long.parseLong(text));
        }
        try {
            Duration left = Duration.between(Instant.now(),
                    ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME));
            return left.isNegative() ? Duration.ZERO : left;
        } catch (DateTimeParseException e) {
            return Duration.ZERO;
        }
    }
}
