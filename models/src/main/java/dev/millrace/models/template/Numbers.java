package dev.millrace.models.template;

import java.math.BigDecimal;
import java.math.BigInteger;

/** Python's numbers: what counts as one, and how a float prints. */
final class Numbers {

    /** Decimal exponents at and outside of which repr() writes an exponent. */
    private static final int MAX_PLAIN_EXPONENT = 16;
    private static final int MIN_PLAIN_EXPONENT = -4;

    private Numbers() {}

    static boolean isNumber(Object value) {
        return value instanceof Number || value instanceof Boolean;
    }

    /** A Long, Double or BigInteger: booleans count as 0 and 1. */
    static Number number(Object value) {
        if (value instanceof Boolean flag) {
            return flag ? 1L : 0L;
        }
        return (Number) value;
    }

    /** An int, or a bool as 0 or 1. @throws EvaluationException for anything else */
    static long integer(Object value) {
        return switch (value) {
            case Boolean flag -> flag ? 1 : 0;
            case Long number -> number;
            case Undefined undefined -> throw undefined.refuse();
            case BigInteger number -> throw tooLarge();
            case null, default -> throw new EvaluationException("'" + Values.typeName(value)
                    + "' object cannot be interpreted as an integer");
        };
    }

    static double real(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (!isNumber(value)) {
            throw new EvaluationException("must be real number, not " + Values.typeName(value));
        }
        return number(value).doubleValue();
    }

    static EvaluationException tooLarge() {
        return new EvaluationException(
                "an integer is outside the 64 bits that templates compute with");
    }

    /** Compares two numbers that {@link #isNumber} accepts, exactly; NaN is above all others. */
    static int compare(Object left, Object right) {
        Number a = number(left);
        Number b = number(right);
        if (a instanceof Long x && b instanceof Long y) {
            return Long.compare(x, y);
        }
        if (a instanceof Double && b instanceof Double || isUnbounded(a) || isUnbounded(b)) {
            // Adding zero turns -0.0 into 0.0, which Python holds equal.
            return Double.compare(a.doubleValue() + 0.0, b.doubleValue() + 0.0);
        }
        return exact(a).compareTo(exact(b));
    }

    private static boolean isUnbounded(Number number) {
        return number instanceof Double value && (value.isNaN() || value.isInfinite());
    }

    private static BigDecimal exact(Number number) {
        return number instanceof Double value
                ? new BigDecimal(value)
                : new BigDecimal(number.toString());
    }

    static boolean isNan(Object value) {
        return value instanceof Double number && number.isNaN();
    }

    /** Python's repr() of a float: the shortest digits that read back as the same number. */
    static String print(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value > 0 ? "0.0" : "-0.0";
        }
        BigDecimal exact = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        int exponent = exact.precision() - exact.scale() - 1;
        if (exponent >= MIN_PLAIN_EXPONENT && exponent < MAX_PLAIN_EXPONENT) {
            String plain = exact.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String digits = exact.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        String sign = value < 0 ? "-" : "";
        String power = (exponent < 0 ? "-" : "+") + (Math.abs(exponent) < 10 ? "0" : "")
                + Math.abs(exponent);
        return sign + digits.charAt(0) + fraction + "e" + power;
    }
}
