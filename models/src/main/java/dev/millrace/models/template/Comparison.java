package dev.millrace.models.template;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Python's ==, ordering and {@code in}. */
final class Comparison {

    private Comparison() {}

    static boolean equal(Object left, Object right, Rendering rendering) {
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return !Numbers.isNan(left) && !Numbers.isNan(right)
                    && Numbers.compare(left, right) == 0;
        }
        if (left instanceof Text a && right instanceof Text b) {
            rendering.chargeComparison(Math.min(a.length(), b.length()));
            return a.equals(b);
        }
        if (left instanceof Undefined && right instanceof Undefined) {
            return true;
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            return equalItems(a, b, rendering);
        }
        if (left instanceof Tuple a && right instanceof Tuple b) {
            return equalItems(a.items(), b.items(), rendering);
        }
        if (left instanceof Map<?, ?> a && right instanceof Map<?, ?> b) {
            return equalEntries(a, b, rendering);
        }
        if (left instanceof Range a && right instanceof Range b) {
            return a.hasItemsOf(b);
        }
        return left == right;
    }

    private static boolean equalItems(List<?> left, List<?> right, Rendering rendering) {
        if (left == right) {
            return true;
        }
        if (left.size() != right.size()) {
            return false;
        }
        rendering.enter();
        boolean equal = true;
        for (int i = 0; equal && i < left.size(); i++) {
            rendering.charge(1);
            equal = equal(left.get(i), right.get(i), rendering);
        }
        rendering.leave();
        return equal;
    }

    private static boolean equalEntries(Map<?, ?> left, Map<?, ?> right, Rendering rendering) {
        if (left == right) {
            return true;
        }
        if (left.size() != right.size()) {
            return false;
        }
        rendering.enter();
        boolean equal = true;
        for (Map.Entry<?, ?> entry : left.entrySet()) {
            rendering.charge(1);
            if (!right.containsKey(entry.getKey())
                    || !equal(entry.getValue(), right.get(entry.getKey()), rendering)) {
                equal = false;
                break;
            }
        }
        rendering.leave();
        return equal;
    }

    /** Whether {@code left operator right} for one of {@code < <= > >=}; false for NaN. */
    static boolean ordered(String operator, Object left, Object right, Rendering rendering) {
        if (Numbers.isNan(left) && Numbers.isNumber(right)
                || Numbers.isNan(right) && Numbers.isNumber(left)) {
            return false;
        }
        int order = order(operator, left, right, rendering);
        return switch (operator) {
            case "<" -> order < 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            default -> order >= 0;
        };
    }

    /** Python's ordering, as a comparator. @throws EvaluationException for what has none */
    static int order(Object left, Object right, Rendering rendering) {
        return order("<", left, right, rendering);
    }

    private static int order(String operator, Object left, Object right, Rendering rendering) {
        rendering.charge(1);
        if (left instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (right instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return Numbers.compare(left, right);
        }
        if (left instanceof Text a && right instanceof Text b) {
            rendering.chargeComparison(Math.min(a.length(), b.length()));
            return orderOfCodePoints(a.value(), b.value());
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            return orderOfItems(operator, a, b, rendering);
        }
        if (left instanceof Tuple a && right instanceof Tuple b) {
            return orderOfItems(operator, a.items(), b.items(), rendering);
        }
        throw new EvaluationException("'" + operator + "' not supported between instances of '"
                + Values.typeName(left) + "' and '" + Values.typeName(right) + "'");
    }

    private static int orderOfItems(String operator, List<?> left, List<?> right,
            Rendering rendering) {
        rendering.enter();
        int shared = Math.min(left.size(), right.size());
        int order = Integer.compare(left.size(), right.size());
        for (int i = 0; i < shared; i++) {
            if (!equal(left.get(i), right.get(i), rendering)) {
                order = order(operator, left.get(i), right.get(i), rendering);
                break;
            }
        }
        rendering.leave();
        return order;
    }

    /** String.compareTo orders UTF-16 units, which puts U+FFFF above U+10000. */
    private static int orderOfCodePoints(String left, String right) {
        int shared = Math.min(left.length(), right.length());
        for (int i = 0; i < shared; i++) {
            if (left.charAt(i) != right.charAt(i)) {
                return Integer.compare(left.codePointAt(i), right.codePointAt(i));
            }
        }
        return Integer.compare(left.length(), right.length());
    }

    /** Python's {@code item in container}. */
    static boolean contains(Object container, Object item, Rendering rendering) {
        if (container instanceof Text text) {
            if (item instanceof Text wanted) {
                rendering.chargeSearch(text.value(), wanted.value());
                return text.value().contains(wanted.value());
            }
            throw new EvaluationException("'in <string>' requires string as left operand, not "
                    + Values.typeName(item));
        }
        if (container instanceof Map<?, ?> map) {
            return map.containsKey(Values.key(item));
        }
        if (!Values.isIterable(container)) {
            throw new EvaluationException("argument of type '" + Values.typeName(container)
                    + "' is not iterable");
        }
        Iterator<Object> items = Values.iterator(container, rendering);
        while (items.hasNext()) {
            if (equal(items.next(), item, rendering)) {
                return true;
            }
        }
        return false;
    }
}
