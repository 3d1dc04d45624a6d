package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Both;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.GrammarException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/** What a shape says of numbers. */
final class NumberShapes {

    private NumberShapes() {}

    /** Whole numbers, written without a point. */
    static Expression whole(Shape shape) {
        BigInteger least = least(shape);
        BigInteger most = most(shape);
        if (least != null && most != null && least.compareTo(most) > 0) {
            return Expression.NOTHING;
        }
        List<BigDecimal> factors = shape.factors.stream()
                .filter(factor -> BigDecimal.ONE.remainder(factor).signum() != 0).toList();
        if (factors.isEmpty()) {
            return NumberRange.whole(least, most);
        }
        if (least == null || most == null || most.subtract(least).compareTo(
                BigInteger.valueOf(100L * SchemaLimits.MULTIPLES)) > 0) {
            throw unsupported(factors.getFirst());
        }
        List<Expression> multiples = new ArrayList<>();
        for (BigInteger number = least; number.compareTo(most) <= 0; number = number
                .add(BigInteger.ONE)) {
            BigDecimal decimal = new BigDecimal(number);
            if (factors.stream().allMatch(factor -> decimal.remainder(factor).signum() == 0)) {
                multiples.add(Expression.text(number.toString()));
            }
        }
        if (multiples.size() > SchemaLimits.MULTIPLES) {
            throw unsupported(factors.getFirst());
        }
        return new Choice(multiples);
    }

    private static BigInteger least(Shape shape) {
        if (shape.minimum == null) {
            return null;
        }
        BigInteger least = shape.minimum.setScale(0, RoundingMode.CEILING).toBigInteger();
        return shape.minimumExcluded && JsonType.isWhole(shape.minimum)
                ? least.add(BigInteger.ONE)
                : least;
    }

    private static BigInteger most(Shape shape) {
        if (shape.maximum == null) {
            return null;
        }
        BigInteger most = shape.maximum.setScale(0, RoundingMode.FLOOR).toBigInteger();
        return shape.maximumExcluded && JsonType.isWhole(shape.maximum)
                ? most.subtract(BigInteger.ONE)
                : most;
    }

    /** Numbers, whole or not. */
    static Expression any(Shape shape) {
        Expression all = null;
        if (shape.minimum != null) {
            all = NumberRange.atLeast(shape.minimum, shape.minimumExcluded);
        }
        if (shape.maximum != null) {
            all = and(all, NumberRange.atMost(shape.maximum, shape.maximumExcluded));
        }
        for (BigDecimal factor : shape.factors) {
            all = and(all, multiples(factor.stripTrailingZeros()));
        }
        return all == null ? JsonText.number() : all;
    }

    private static Expression and(Expression all, Expression more) {
        return all == null ? more : new Both(all, more);
    }

    /** Multiples of a tenth, a hundredth and so on: so many digits after the point. */
    private static Expression multiples(BigDecimal factor) {
        if (!factor.unscaledValue().equals(BigInteger.ONE) || factor.scale() < 0) {
            throw unsupported(factor);
        }
        Expression whole = Expression.sequence(Expression.optional(Expression.text("-")),
                JsonText.whole());
        return factor.scale() == 0
                ? whole
                : Expression.sequence(whole, Expression.optional(Expression.sequence(
                        Expression.text("."), new Repeat(
                                new Characters(CodePoints.range('0', '9')), 1,
                                factor.scale()))));
    }

    private static GrammarException unsupported(BigDecimal factor) {
        return new GrammarException("multipleOf " + factor.toPlainString() + " is supported for"
                + " integers between a minimum and a maximum with at most "
                + SchemaLimits.MULTIPLES + " multiples; for other numbers 1, 0.1, 0.01 and so on"
                + " are");
    }
}
