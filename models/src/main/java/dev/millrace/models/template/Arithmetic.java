package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;

/** Python's arithmetic: floors on division, repeats and joins sequences, formats with {@code %}. */
final class Arithmetic {

    private Arithmetic() {}

    /** {@code left operator right} for one of {@code + - * / // % **}. */
    static Object apply(String operator, Object left, Object right, Rendering rendering) {
        if (left instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (operator.equals("%") && left instanceof Text format) {
            return new PercentFormat(format, rendering).apply(right);
        }
        if (right instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return compute(operator, Numbers.number(left), Numbers.number(right));
        }
        return switch (operator) {
            case "+" -> concatenate(left, right, rendering);
            case "*" -> left instanceof Long || left instanceof Boolean
                    ? repeat(right, left, rendering)
                    : repeat(left, right, rendering);
            default -> throw unsupported(operator, left, right);
        };
    }

    static Object negate(Object value) {
        return switch (value) {
            case Double number -> -number;
            case Boolean flag -> flag ? -1L : 0L;
            case Long number -> compute("-", 0L, number);
            case Undefined undefined -> throw undefined.refuse();
            case null, default -> throw unsupportedSign("-", value);
        };
    }

    static Object plus(Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (!Numbers.isNumber(value)) {
            throw unsupportedSign("+", value);
        }
        return Numbers.number(value);
    }

    private static Object compute(String operator, Number left, Number right) {
        if (left instanceof Double || right instanceof Double || operator.equals("/")
                || operator.equals("**") && right.longValue() < 0) {
            return computeReal(operator, left.doubleValue(), right.doubleValue());
        }
        if (!(left instanceof Long) || !(right instanceof Long)) {
            throw Numbers.tooLarge();
        }
        try {
            return computeWhole(operator, left.longValue(), right.longValue());
        } catch (ArithmeticException e) {
            throw Numbers.tooLarge();
        }
    }

    private static long computeWhole(String operator, long left, long right) {
        if (right == 0 && (operator.equals("//") || operator.equals("%"))) {
            throw divisionByZero();
        }
        return switch (operator) {
            case "+" -> Math.addExact(left, right);
            case "-" -> Math.subtractExact(left, right);
            case "*" -> Math.multiplyExact(left, right);
            case "//" -> Math.floorDivExact(left, right);
            case "%" -> Math.floorMod(left, right);
            case "**" -> Math.powExact(left, (int) Math.min(right, Integer.MAX_VALUE));
            default -> throw new IllegalStateException(operator);
        };
    }

    private static double computeReal(String operator, double left, double right) {
        if (right == 0 && (operator.startsWith("/") || operator.equals("%"))) {
            throw divisionByZero();
        }
        return switch (operator) {
            case "+" -> left + right;
            case "-" -> left - right;
            case "*" -> left * right;
            case "/" -> left / right;
            case "//" -> Math.floor((left - floorMod(left, right)) / right + 0.5);
            case "%" -> floorMod(left, right);
            case "**" -> Math.pow(left, right);
            default -> throw new IllegalStateException(operator);
        };
    }

    /** The remainder with the sign of the divisor. */
    private static double floorMod(double left, double right) {
        double remainder = left % right;
        return remainder != 0 && remainder < 0 != right < 0 ? remainder + right : remainder;
    }

    private static Object concatenate(Object left, Object right, Rendering rendering) {
        if (left instanceof Text a && right instanceof Text b) {
            return concatenate(a, b, rendering);
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            return joined(a, b, rendering);
        }
        if (left instanceof Tuple a && right instanceof Tuple b) {
            return new Tuple(joined(a.items(), b.items(), rendering));
        }
        if (left instanceof Text || left instanceof List<?> || left instanceof Tuple) {
            String type = left instanceof Text ? "str" : Values.typeName(left);
            throw new EvaluationException("can only concatenate " + type + " (not \""
                    + Values.typeName(right) + "\") to " + type);
        }
        throw unsupported("+", left, right);
    }

    private static Text concatenate(Text left, Text right, Rendering rendering) {
        boolean markup = left.markup() || right.markup();
        return new TextBuilder(rendering)
                .append(markup ? left.escaped() : left)
                .append(markup ? right.escaped() : right)
                .toText().withMarkup(markup);
    }

    private static List<Object> joined(List<?> left, List<?> right, Rendering rendering) {
        rendering.chargeItems((long) left.size() + right.size());
        List<Object> items = new ArrayList<>(left.size() + right.size());
        items.addAll(left);
        items.addAll(right);
        return items;
    }

    private static Object repeat(Object sequence, Object times, Rendering rendering) {
        if (!(times instanceof Long || times instanceof Boolean)) {
            throw sequence instanceof Text || sequence instanceof List<?>
                    || sequence instanceof Tuple
                            ? new EvaluationException("can't multiply sequence by non-int of type '"
                                    + Values.typeName(times) + "'")
                            : unsupported("*", sequence, times);
        }
        long count = Math.max(0, Numbers.integer(times));
        return switch (sequence) {
            case Text text -> repeat(text, count, rendering);
            case List<?> list -> repeat(list, count, rendering);
            case Tuple tuple -> new Tuple(repeat(tuple.items(), count, rendering));
            case null, default -> throw unsupported("*", sequence, times);
        };
    }

    private static Text repeat(Text text, long count, Rendering rendering) {
        if (text.isEmpty() || count == 0) {
            return Text.EMPTY.withMarkup(text.markup());
        }
        // The bound keeps the product from overflowing; it alone is over the limit.
        rendering.chargeText(Math.min(count, TemplateLimits.TEXT_CHARS + 1L) * text.length());
        if (text.flips().length == 0) {
            return text.changedTo(text.value().repeat((int) count));
        }
        TextBuilder builder = new TextBuilder(rendering);
        for (long i = 0; i < count; i++) {
            builder.append(text);
        }
        return builder.toText().withMarkup(text.markup());
    }

    private static List<Object> repeat(List<?> list, long count, Rendering rendering) {
        rendering.chargeItems(Math.min(count, TemplateLimits.LIST_ITEMS + 1L) * list.size());
        List<Object> items = new ArrayList<>();
        for (long i = 0; i < count && !list.isEmpty(); i++) {
            items.addAll(list);
        }
        return items;
    }

    private static EvaluationException divisionByZero() {
        return new EvaluationException("division by zero");
    }

    private static EvaluationException unsupported(String operator, Object left, Object right) {
        return new EvaluationException("unsupported operand type(s) for " + operator + ": '"
                + Values.typeName(left) + "' and '" + Values.typeName(right) + "'");
    }

    private static EvaluationException unsupportedSign(String sign, Object value) {
        return new EvaluationException("bad operand type for unary " + sign + ": '"
                + Values.typeName(value) + "'");
    }
}
