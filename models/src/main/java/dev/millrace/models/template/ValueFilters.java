package dev.millrace.models.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Map;

import static java.util.Map.entry;

/** Jinja's filters on numbers and on values of any type. */
final class ValueFilters {

    static final Map<String, Filter> ALL = Map.ofEntries(
            entry("default", ValueFilters::defaulted),
            entry("d", ValueFilters::defaulted),
            entry("tojson", ValueFilters::toJson),
            entry("length", Filter.simple("length", (value, r) -> Values.length(value))),
            entry("count", Filter.simple("count", (value, r) -> Values.length(value))),
            entry("attr", ValueFilters::attribute),
            entry("int", ValueFilters::toInt),
            entry("float", ValueFilters::toFloat),
            entry("abs", Filter.simple("abs", (value, r) -> absolute(value))),
            entry("round", ValueFilters::round));

    private ValueFilters() {}

    private static Object defaulted(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("default", "default_value", "boolean");
        boolean missing = value instanceof Undefined || bound.flag(1) && !Values.truth(value);
        return missing ? bound.optional(0, Text.EMPTY) : value;
    }

    /** transformers' tojson, not Jinja's: no HTML escapes, and the arguments of json.dumps(). */
    private static Text toJson(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("tojson", "ensure_ascii", "indent", "separators",
                "sort_keys");
        String indent = indent(bound.optional(1, null), rendering);
        String itemSeparator = indent == null ? ", " : ",";
        String keySeparator = ": ";
        if (bound.optional(2, null) instanceof Object separators) {
            var pair = Values.elements(separators, rendering);
            if (pair.size() != 2 || !(pair.get(0) instanceof Text item)
                    || !(pair.get(1) instanceof Text key)) {
                throw new EvaluationException(
                        "tojson's separators must be two strings, such as (',', ':')");
            }
            itemSeparator = item.value();
            keySeparator = key.value();
        }
        return new JsonWriter(rendering, bound.flag(0), bound.flag(3), indent, itemSeparator,
                keySeparator)
                .write(value);
    }

    private static String indent(Object indent, Rendering rendering) {
        if (indent == null || indent instanceof Text) {
            return indent == null ? null : indent.toString();
        }
        long width = Math.max(0, Numbers.integer(indent));
        rendering.chargeText(width);
        return " ".repeat((int) width);
    }

    private static Object attribute(Object value, Arguments arguments, Rendering rendering) {
        Text name = arguments.bind("attr", "name").text(0);
        Object member = Members.member(value, name);
        return member == Members.ABSENT ? Undefined.member(value, name) : member;
    }

    private static Object toInt(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("int", "default", "base");
        Object otherwise = bound.optional(0, 0L);
        long base = bound.integer(1, 10);
        if (base < 2 || base > 36) {
            throw new EvaluationException("int's base must be 2 to 36, not " + base);
        }
        return switch (value) {
            case Undefined undefined -> throw undefined.refuse();
            case Double number -> truncated(number, otherwise);
            case Number number -> number;
            case Boolean flag -> flag ? 1L : 0L;
            case Text text -> parsed(text.value(), (int) base, otherwise);
            case null, default -> otherwise;
        };
    }

    private static Object parsed(String text, int base, Object otherwise) {
        String digits = withoutPrefix(stripped(text), base);
        if (base == 10 ? digits.matches("[-+]?\\d+(_\\d+)*") : digits.matches("[-+]?\\w+")) {
            try {
                return Long.parseLong(digits.replace("_", ""), base);
            } catch (NumberFormatException e) {
                if (base == 10) {
                    throw Numbers.tooLarge();
                }
            }
        }
        Double number = parsedFloat(text);
        return number == null ? otherwise : truncated(number, otherwise);
    }

    /** The text without white space around it; nothing for a long text that can be no number. */
    private static String stripped(String text) {
        String digits = Strings.strip(Text.trusted(text), null, true, true).value();
        if (digits.length() <= TemplateLimits.NUMBER_CHARS) {
            return digits;
        }
        if (digits.chars().allMatch(c -> "0123456789_+-.eE".indexOf(c) >= 0)) {
            throw new EvaluationException("a number of " + digits.length()
                    + " characters is over the limit of " + TemplateLimits.NUMBER_CHARS);
        }
        return "";
    }

    /** Python's int() accepts the prefix of a literal of the same base. */
    private static String withoutPrefix(String digits, int base) {
        String prefix = base == 16 ? "x" : base == 8 ? "o" : base == 2 ? "b" : null;
        return prefix == null ? digits : digits.replaceFirst("(?i)^([-+]?)0" + prefix, "$1");
    }

    private static Object truncated(double number, Object otherwise) {
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return otherwise;
        }
        BigInteger whole = new BigDecimal(number).toBigInteger();
        if (whole.bitLength() > 63) {
            throw Numbers.tooLarge();
        }
        return whole.longValue();
    }

    private static Object toFloat(Object value, Arguments arguments, Rendering rendering) {
        Object otherwise = arguments.bind("float", "default").optional(0, 0.0);
        return switch (value) {
            case Undefined undefined -> throw undefined.refuse();
            case Text text -> {
                Double number = parsedFloat(text.value());
                yield number == null ? otherwise : number;
            }
            case null -> otherwise;
            default -> Numbers.isNumber(value) ? Numbers.real(value) : otherwise;
        };
    }

    /** Python's float(text), or null; Java's would also take {@code 1d} and {@code 0x1p3}. */
    private static Double parsedFloat(String text) {
        String lower = Strings.lower(stripped(text));
        if (lower.matches("[-+]?(inf|infinity)")) {
            return lower.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        }
        if (lower.matches("[-+]?nan")) {
            return Double.NaN;
        }
        String part = "\\d+(_\\d+)*";
        String pattern = "[-+]?(" + part + "\\.?(" + part + ")?|\\." + part + ")(e[-+]?" + part
                + ")?";
        return lower.matches(pattern) ? Double.valueOf(lower.replace("_", "")) : null;
    }

    private static Object absolute(Object value) {
        return switch (value) {
            case Double number -> Math.abs(number);
            case Boolean flag -> flag ? 1L : 0L;
            case Long number when number >= 0 -> number;
            case Undefined undefined ->
                throw new EvaluationException("bad operand type for abs(): 'Undefined'");
            case null, default -> Arithmetic.negate(value);
        };
    }

    private static Object round(Object value, Arguments arguments, Rendering rendering) {
        Arguments.Bound bound = arguments.bind("round", "precision", "method");
        long places = bound.integer(0, 0);
        String method = bound.has(1) ? bound.text(1).value() : "common";
        if (places < -300 || places > 300) {
            throw new EvaluationException("round's precision must be -300 to 300, not " + places);
        }
        if (!method.equals("common") && !method.equals("ceil") && !method.equals("floor")) {
            throw new EvaluationException("method must be common, ceil or floor");
        }
        if (method.equals("common") && Numbers.isNumber(value) && !(value instanceof Double)
                && places >= 0) {
            return Numbers.number(value);
        }
        double number = Numbers.real(value);
        if (Double.isNaN(number) || Double.isInfinite(number)) {
            return number;
        }
        if (method.equals("common")) {
            double rounded = new BigDecimal(number).setScale((int) places, RoundingMode.HALF_EVEN)
                    .doubleValue();
            return value instanceof Double
                    ? (Object) Math.copySign(rounded, number)
                    : (Object) (long) rounded;
        }
        double factor = Math.pow(10, places);
        return (method.equals("ceil") ? Math.ceil(number * factor) : Math.floor(number * factor))
                / factor;
    }
}
