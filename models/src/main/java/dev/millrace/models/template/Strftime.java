package dev.millrace.models.template;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** The present time of a rendering's clock in the directives of C's strftime, in English. */
final class Strftime {

    private final Rendering rendering;
    private final LocalDateTime now;

    Strftime(Rendering rendering) {
        this.rendering = rendering;
        this.now = LocalDateTime.now(rendering.clock());
    }

    /** @throws EvaluationException for a directive that is not known */
    Text format(Text pattern) {
        StringBuilder out = new StringBuilder();
        String value = pattern.value();
        rendering.chargeText(value.length());
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c != '%') {
                out.append(c);
                continue;
            }
            rendering.charge(TemplateLimits.STEPS_PER_DIRECTIVE);
            i++;
            boolean unpadded = i < value.length() && value.charAt(i) == '-';
            i += unpadded ? 1 : 0;
            String field = directive(i < value.length() ? value.charAt(i) : '%', value);
            out.append(unpadded ? field.replaceFirst("^[0 ]+(?=.)", "") : field);
        }
        return pattern.changedTo(out.toString());
    }

    private String directive(char directive, String pattern) {
        return switch (directive) {
            case 'Y' -> of("uuuu");
            case 'y' -> of("uu");
            case 'C' -> two(now.getYear() / 100);
            case 'm' -> of("MM");
            case 'B' -> of("MMMM");
            case 'b', 'h' -> of("MMM");
            case 'd' -> of("dd");
            case 'e' -> "%2d".formatted(now.getDayOfMonth());
            case 'j' -> of("DDD");
            case 'A' -> of("EEEE");
            case 'a' -> of("EEE");
            case 'u' -> Integer.toString(now.getDayOfWeek().getValue());
            case 'w' -> Integer.toString(now.getDayOfWeek().getValue() % 7);
            case 'H' -> of("HH");
            case 'I' -> of("hh");
            case 'M' -> of("mm");
            case 'S' -> of("ss");
            case 'f' -> "%06d".formatted(now.get(ChronoField.MICRO_OF_SECOND));
            case 'p' -> of("a");
            case 'F' -> of("uuuu-MM-dd");
            case 'T', 'X' -> of("HH:mm:ss");
            case 'R' -> of("HH:mm");
            case 'D', 'x' -> of("MM/dd/uu");
            case 'r' -> of("hh:mm:ss a");
            case 'c' -> of("EEE MMM ") + directive('e', pattern) + of(" HH:mm:ss uuuu");
            case 'G' -> Integer.toString(now.get(IsoFields.WEEK_BASED_YEAR));
            case 'V' -> two(now.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
            case 'U' -> two((now.getDayOfYear() + 6 - now.getDayOfWeek().getValue() % 7) / 7);
            case 'W' -> two((now.getDayOfYear() + 6 - (now.getDayOfWeek().getValue() + 6) % 7) / 7);
            case 'Z', 'z' -> "";
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default ->
                throw new EvaluationException("strftime_now('" + pattern + "') has the directive %"
                        + directive + ", which is not known");
        };
    }

    private String of(String pattern) {
        return now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH));
    }

    private static String two(int number) {
        return "%02d".formatted(number);
    }
}
