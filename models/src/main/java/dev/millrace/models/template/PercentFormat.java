package dev.millrace.models.template;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's {@code format % values} for s, r, d, i, u, f, x, X, o, c and %%. */
final class PercentFormat {

    private static final Pattern FIELD = Pattern
            .compile("%(?:\\(([^)]*)\\))?([-+ 0#]*)(\\d{0,6})(?:\\.(\\d{0,3}))?[hlL]?(.)",
                    Pattern.DOTALL);

    private final Text format;
    private final Rendering rendering;

    PercentFormat(Text format, Rendering rendering) {
        this.format = format;
        this.rendering = rendering;
    }

    /** @param values one value, a tuple of them, or a dict for fields with names */
    Text apply(Object values) {
        List<Object> arguments = values instanceof Tuple tuple
                ? tuple.items()
                : Collections.singletonList(values);
        int next = 0;
        int copied = 0;
        boolean named = false;
        TextBuilder out = new TextBuilder(rendering);
        Matcher field = FIELD.matcher(format.value());
        int position = format.value().indexOf('%');
        while (position >= 0) {
            if (!field.find(position) || field.start() != position) {
                throw new EvaluationException(
                        "incomplete format at '" + format.value().substring(position) + "'");
            }
            out.append(format.substring(copied, position));
            if (field.group(5).equals("%")) {
                out.append("%");
            } else if (field.group(1) != null) {
                named = true;
                out.append(pad(field, convert(field, entry(values, field.group(1)))));
            } else if (next < arguments.size()) {
                out.append(pad(field, convert(field, arguments.get(next++))));
            } else {
                throw new EvaluationException("not enough arguments for format string");
            }
            copied = field.end();
            position = format.value().indexOf('%', copied);
        }
        if (!named && next < arguments.size()
                && !(values instanceof Map<?, ?> || values instanceof List<?>)) {
            throw new EvaluationException("not all arguments converted during string formatting");
        }
        return out.append(format.substring(copied)).toText().withMarkup(format.markup());
    }

    private static Object entry(Object values, String name) {
        if (values instanceof Map<?, ?> map && map.containsKey(Text.trusted(name))) {
            return map.get(Text.trusted(name));
        }
        throw new EvaluationException(values instanceof Map
                ? "no value for %(" + name + ")"
                : "format requires a mapping");
    }

    private Text convert(Matcher field, Object value) {
        char conversion = field.group(5).charAt(0);
        String precision = field.group(4);
        Text converted = switch (conversion) {
            case 's' -> truncated(Printer.text(value, rendering), precision);
            case 'r' -> truncated(Printer.repr(value, rendering), precision);
            case 'd', 'i', 'u' ->
                Text.trusted(signed(field, Long.toString(whole(value, conversion))));
            case 'x' -> Text.trusted(signed(field, Long.toString(whole(value, conversion), 16)));
            case 'X' -> Text.trusted(signed(field,
                    Long.toString(whole(value, conversion), 16).toUpperCase(Locale.ROOT)));
            case 'o' -> Text.trusted(signed(field, Long.toString(whole(value, conversion), 8)));
            case 'f', 'F' -> Text.trusted(signed(field, fixed(Numbers.real(value), precision)));
            default -> throw new EvaluationException("format character '" + conversion
                    + "' is not supported; templates may use s r d i u f x X o %%");
        };
        return format.markup() ? converted.escaped() : converted;
    }

    private static Text truncated(Text text, String precision) {
        if (precision == null) {
            return text;
        }
        int chars = precision.isEmpty() ? 0 : Integer.parseInt(precision);
        String value = text.value();
        return value.codePointCount(0, value.length()) <= chars
                ? text
                : text.substring(0, value.offsetByCodePoints(0, chars));
    }

    private static long whole(Object value, char conversion) {
        if (value instanceof Double number && conversion != 'x' && conversion != 'X'
                && conversion != 'o') {
            if (Math.abs(number) >= Long.MAX_VALUE || number.isNaN()) {
                throw Numbers.tooLarge();
            }
            return number.longValue();
        }
        if (!Numbers.isNumber(value) || value instanceof Double) {
            throw new EvaluationException("%" + conversion + " format: a number is required, not "
                    + Values.typeName(value));
        }
        return Numbers.integer(value);
    }

    private static String fixed(double value, String precision) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Numbers.print(value);
        }
        int places = precision == null ? 6 : precision.isEmpty() ? 0 : Integer.parseInt(precision);
        String digits = new BigDecimal(value).setScale(places, RoundingMode.HALF_EVEN)
                .toPlainString();
        return value < 0 && !digits.startsWith("-") ? "-" + digits : digits;
    }

    private static String signed(Matcher field, String digits) {
        String flags = field.group(2);
        if (flags.contains("#")) {
            throw new EvaluationException("the format flag # is not supported");
        }
        if (digits.startsWith("-")) {
            return digits;
        }
        return (flags.contains("+") ? "+" : flags.contains(" ") ? " " : "") + digits;
    }

    private Text pad(Matcher field, Text text) {
        int width = field.group(3).isEmpty() ? 0 : Integer.parseInt(field.group(3));
        int missing = width - text.value().codePointCount(0, text.length());
        if (missing <= 0) {
            return text;
        }
        TextBuilder padded = new TextBuilder(rendering);
        String flags = field.group(2);
        boolean numeric = "diufFxXo".contains(field.group(5));
        if (flags.contains("-")) {
            padded.append(text).append(" ".repeat(missing));
        } else if (flags.contains("0") && numeric) {
            int sign = "+- ".indexOf(text.value().charAt(0)) >= 0 ? 1 : 0;
            padded.append(text.substring(0, sign)).append("0".repeat(missing))
                    .append(text.substring(sign));
        } else {
            padded.append(" ".repeat(missing)).append(text);
        }
        return padded.toText();
    }
}
