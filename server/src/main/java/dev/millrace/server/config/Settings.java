package dev.millrace.server.config;

import java.math.BigDecimal;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The values that were given and where each came from; a later one covers an earlier one. */
final class Settings {

    /** What stands for "you choose". */
    static final String AUTO = "auto";
    private static final String OFF = "off";

    private static final Pattern BYTES = Pattern.compile("(\\d{1,12})\\s*([kMGT]?)(i?)B",
            Pattern.CASE_INSENSITIVE);
    private static final String PREFIXES = "kmgt";

    private final Map<Setting, Given> given = new EnumMap<>(Setting.class);

    /** What was said, and where. */
    record Given(String text, String origin) {}

    void put(Setting setting, String text, String origin) {
        given.put(setting, new Given(text.strip(), origin));
    }

    /** What was said of a setting, unread. */
    Optional<Given> given(Setting setting) {
        return Optional.ofNullable(given.get(setting));
    }

    Optional<String> text(Setting setting) {
        Given value = given.get(setting);
        if (value == null) {
            return Optional.empty();
        }
        if (value.text().isEmpty()) {
            throw wrong(setting, "a text");
        }
        return Optional.of(value.text());
    }

    /** One of the allowed words; the first of them if nothing was given. */
    String choice(Setting setting, List<String> allowed) {
        Given value = given.get(setting);
        if (value == null) {
            return allowed.getFirst();
        }
        String word = value.text().toLowerCase(Locale.ROOT);
        if (!allowed.contains(word)) {
            throw wrong(setting, "one of " + String.join(", ", allowed));
        }
        return word;
    }

    /** A whole number within limits. */
    int number(Setting setting, int least, int most, int otherwise) {
        Given value = given.get(setting);
        if (value == null) {
            return otherwise;
        }
        try {
            long number = Long.parseLong(value.text());
            if (number >= least && number <= most) {
                return (int) number;
            }
        } catch (NumberFormatException e) {
            throw wrong(setting, "a whole number from " + least + " to " + most);
        }
        throw wrong(setting, "a whole number from " + least + " to " + most);
    }

    /** As {@link #number}, with 0 for {@code auto} and for nothing given. */
    int numberOrAuto(Setting setting, int least, int most) {
        return isAuto(setting) ? 0 : number(setting, least, most, 0);
    }

    /** As {@link #number}, with 0 for {@code off} and for nothing given. */
    int numberOrOff(Setting setting, int least, int most) {
        Given value = given.get(setting);
        return value == null || value.text().equalsIgnoreCase(OFF)
                ? 0
                : number(setting, least, most, 0);
    }

    /** Bytes, such as {@code 8GB} or {@code 512MiB}; 0 for {@code auto} and for nothing given. */
    long bytesOrAuto(Setting setting) {
        if (isAuto(setting)) {
            return 0;
        }
        Matcher matcher = BYTES.matcher(given.get(setting).text());
        if (!matcher.matches() || Long.parseLong(matcher.group(1)) == 0) {
            throw wrong(setting, "an amount such as 8GB or 512MiB, or auto");
        }
        int power = PREFIXES.indexOf(matcher.group(2).toLowerCase(Locale.ROOT)) + 1;
        long unit = matcher.group(2).isEmpty()
                ? 1
                : Math.powExact(matcher.group(3).isEmpty() ? 1000L : 1024L, power);
        try {
            return Math.multiplyExact(Long.parseLong(matcher.group(1)), unit);
        } catch (ArithmeticException e) {
            throw wrong(setting, "less than 8 EiB");
        }
    }

    /** As {@link #number}, with 0 for {@code off}. */
    int numberUnlessOff(Setting setting, int least, int most, int otherwise) {
        Given value = given.get(setting);
        return value != null && value.text().equalsIgnoreCase(OFF)
                ? 0
                : number(setting, least, most, otherwise);
    }

    /** A share from 0 to 1, in millionths. */
    int millionths(Setting setting, int otherwise) {
        Given value = given.get(setting);
        if (value == null) {
            return otherwise;
        }
        try {
            int millionths = new BigDecimal(value.text()).movePointRight(6).intValueExact();
            if (millionths >= 0 && millionths <= 1_000_000) {
                return millionths;
            }
        } catch (ArithmeticException | NumberFormatException e) {
            throw wrong(setting, "a number from 0 to 1 with at most 6 decimals");
        }
        throw wrong(setting, "a number from 0 to 1 with at most 6 decimals");
    }

    /** Whether nothing was given, or {@code off}. */
    boolean isOff(Setting setting) {
        Given value = given.get(setting);
        return value == null || value.text().equalsIgnoreCase(OFF);
    }

    private boolean isAuto(Setting setting) {
        Given value = given.get(setting);
        return value == null || value.text().equalsIgnoreCase(AUTO);
    }

    ConfigException wrong(Setting setting, String allowed) {
        Given value = given.get(setting);
        return new ConfigException(value.origin() + " must be " + allowed + ", got \""
                + value.text() + "\"");
    }
}
