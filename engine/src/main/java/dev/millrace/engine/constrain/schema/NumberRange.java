package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Both;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/** Numbers between bounds, by their digits and without exponents. */
final class NumberRange {

    /** Numbers without bounds stay below this. */
    static final BigInteger LIMIT = BigInteger.TEN.pow(16);

    private NumberRange() {}

    /** Whole numbers from {@code least} to {@code most}; a bound may be null. */
    static Expression whole(BigInteger least, BigInteger most) {
        BigInteger low = least == null ? LIMIT.negate().add(BigInteger.ONE) : least;
        BigInteger high = most == null ? LIMIT.subtract(BigInteger.ONE) : most;
        // A bound beyond the usual count of digits leaves one number at least.
        if (least == null) {
            low = low.min(high);
        }
        if (most == null) {
            high = high.max(low);
        }
        List<Expression> options = new ArrayList<>();
        if (low.signum() < 0) {
            BigInteger nearest = high.signum() < 0 ? high.negate() : BigInteger.ONE;
            addWhole(options, "-", nearest, low.negate());
        }
        if (high.signum() >= 0) {
            addWhole(options, "", low.max(BigInteger.ZERO), high);
        }
        return new Choice(options);
    }

    private static void addWhole(List<Expression> options, String sign, BigInteger low,
            BigInteger high) {
        if (low.compareTo(high) <= 0) {
            options.add(Expression.sequence(Expression.text(sign), digits(low, high)));
        }
    }

    /** Numbers at or above a bound. */
    static Expression atLeast(BigDecimal bound, boolean exclusive) {
        if (bound.signum() >= 0) {
            return magnitudeAtLeast(bound, exclusive);
        }
        return Expression.choice(anyMagnitude(), Expression.sequence(Expression.text("-"),
                magnitudeAtMost(bound.negate(), exclusive)));
    }

    /** Numbers at or below a bound. */
    static Expression atMost(BigDecimal bound, boolean exclusive) {
        if (bound.signum() < 0) {
            return Expression.sequence(Expression.text("-"),
                    magnitudeAtLeast(bound.negate(), exclusive));
        }
        Expression positive = bound.signum() == 0 && exclusive
                ? Expression.NOTHING
                : magnitudeAtMost(bound, exclusive);
        // Minus nothing at all is not below nothing.
        return Expression.choice(positive, Expression.sequence(Expression.text("-"),
                magnitudeAtLeast(BigDecimal.ZERO, true)));
    }

    /** Numbers that are both. */
    static Expression both(Expression first, Expression second) {
        return new Both(first, second);
    }

    private static Expression anyMagnitude() {
        return Expression.sequence(JsonText.whole(), Expression.optional(JsonText.fraction()));
    }

    private static Expression magnitudeAtLeast(BigDecimal bound, boolean exclusive) {
        BigInteger whole = bound.toBigInteger();
        String fraction = fractionDigits(bound);
        Expression same = fractionAbove(fraction, exclusive);
        if (fraction.isEmpty() && !exclusive) {
            same = Expression.optional(JsonText.fraction());
        }
        BigInteger next = whole.add(BigInteger.ONE);
        BigInteger last = LIMIT.subtract(BigInteger.ONE).max(next);
        return Expression.choice(
                Expression.sequence(digits(next, last), Expression.optional(JsonText.fraction())),
                Expression.sequence(Expression.text(whole.toString()), same));
    }

    private static Expression magnitudeAtMost(BigDecimal bound, boolean exclusive) {
        BigInteger whole = bound.toBigInteger();
        String fraction = fractionDigits(bound);
        List<Expression> options = new ArrayList<>();
        if (whole.signum() > 0) {
            options.add(Expression.sequence(digits(BigInteger.ZERO,
                    whole.subtract(BigInteger.ONE)), Expression.optional(JsonText.fraction())));
        }
        if (!fraction.isEmpty() || !exclusive) {
            options.add(Expression.text(whole.toString()));
            options.add(Expression.sequence(Expression.text(whole.toString() + "."),
                    digitsBelow(fraction, 0, exclusive, true)));
        }
        return new Choice(options);
    }

    private static String fractionDigits(BigDecimal bound) {
        BigDecimal fraction = bound.subtract(bound.setScale(0, RoundingMode.DOWN))
                .stripTrailingZeros();
        return fraction.signum() == 0 ? "" : fraction.toPlainString().substring(2);
    }

    /** A fraction above (or at) {@code 0.digits}. */
    private static Expression fractionAbove(String digits, boolean exclusive) {
        Expression rest = new Repeat(digit('0', '9'), 0, 16);
        Expression tail = exclusive
                ? Expression.sequence(new Repeat(digit('0', '0'), 0, 16), digit('1', '9'), rest)
                : rest;
        for (int i = digits.length() - 1; i >= 0; i--) {
            char own = digits.charAt(i);
            Expression equal = Expression.sequence(digit(own, own), tail);
            tail = own == '9'
                    ? equal
                    : Expression.choice(equal,
                            Expression.sequence(digit((char) (own + 1), '9'), rest));
        }
        return Expression.sequence(Expression.text("."), tail);
    }

    /**
     * What may follow the first {@code at} digits of a bound in a fraction below (or at) it.
     *
     * @param first whether at least one digit must come
     */
    private static Expression digitsBelow(String digits, int at, boolean exclusive,
            boolean first) {
        if (at == digits.length()) {
            return exclusive
                    ? Expression.NOTHING
                    : new Repeat(digit('0', '0'), first ? 1 : 0, 16);
        }
        List<Expression> options = new ArrayList<>();
        char own = digits.charAt(at);
        if (!first) {
            options.add(Expression.EMPTY); // less than the bound by all that is missing
        }
        if (own > '0') {
            options.add(Expression.sequence(digit('0', (char) (own - 1)),
                    new Repeat(digit('0', '9'), 0, 16)));
        }
        options.add(Expression.sequence(digit(own, own),
                digitsBelow(digits, at + 1, exclusive, false)));
        return new Choice(options);
    }

    /** The numbers from {@code low} to {@code high}, neither negative. */
    private static Expression digits(BigInteger low, BigInteger high) {
        List<Expression> options = new ArrayList<>();
        String last = high.toString();
        for (int length = low.toString().length(); length <= last.length(); length++) {
            BigInteger begin = length == 1 ? BigInteger.ZERO : BigInteger.TEN.pow(length - 1);
            BigInteger end = BigInteger.TEN.pow(length).subtract(BigInteger.ONE);
            options.add(between(begin.max(low).toString(), end.min(high).toString()));
        }
        return new Choice(options);
    }

    /** Numbers of the same length from one to the other. */
    private static Expression between(String low, String high) {
        if (low.isEmpty()) {
            return Expression.EMPTY;
        }
        if (low.chars().allMatch(digit -> digit == '0')
                && high.chars().allMatch(digit -> digit == '9')) {
            return new Repeat(digit('0', '9'), low.length(), low.length());
        }
        char first = low.charAt(0);
        char last = high.charAt(0);
        String lowRest = low.substring(1);
        String highRest = high.substring(1);
        int rest = lowRest.length();
        if (first == last) {
            return Expression.sequence(digit(first, first), between(lowRest, highRest));
        }
        List<Expression> options = new ArrayList<>();
        options.add(Expression.sequence(digit(first, first),
                between(lowRest, "9".repeat(rest))));
        options.add(Expression.sequence(digit(last, last), between("0".repeat(rest), highRest)));
        if (first + 1 < last) {
            options.add(Expression.sequence(digit((char) (first + 1), (char) (last - 1)),
                    new Repeat(digit('0', '9'), rest, rest)));
        }
        return new Choice(options);
    }

    private static Expression digit(char first, char last) {
        return new Characters(CodePoints.range(first, last));
    }
}
