package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * What Python does with any value: its type, truth, size, elements and keys.
 *
 * <p>Values are null (None), Boolean, Long, BigInteger, Double, {@link Text}, List, {@link Tuple},
 * Map, {@link Undefined}, {@link Namespace}, {@link Cycler}, {@link TemplateFunction} (with {@link
 * Macro} and {@link LoopState}) and what Python makes of lists and maps on the way ({@link Range},
 * {@link Generator}, {@link DictView}).
 */
final class Values {

    private Values() {}

    /** Python's name of the value's type, for messages. */
    static String typeName(Object value) {
        return switch (value) {
            case null -> "NoneType";
            case Boolean b -> "bool";
            case Double d -> "float";
            case Number n -> "int";
            case Text t when t.markup() -> "Markup";
            case Text t -> "str";
            case List<?> l -> "list";
            case Tuple t -> "tuple";
            case Map<?, ?> m -> "dict";
            case Undefined u -> "Undefined";
            case Range r -> "range";
            case Generator g -> "generator";
            case DictView v -> v.type();
            case Namespace n -> "Namespace";
            case LoopState l -> "LoopContext";
            case Macro m -> "Macro";
            default -> "builtin_function_or_method";
        };
    }

    /** Python's truth value. */
    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Number n -> n.doubleValue() != 0;
            case Text t -> !t.isEmpty();
            case Undefined u -> false;
            case List<?> l -> !l.isEmpty();
            case Tuple t -> !t.items().isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            case Range r -> r.size() > 0;
            case DictView v -> !v.items().isEmpty();
            case LoopState l -> l.length() > 0;
            default -> true;
        };
    }

    /** Python's len(). */
    static long length(Object value) {
        return switch (value) {
            case Text t -> t.value().codePointCount(0, t.length());
            case Undefined u -> 0;
            case List<?> l -> l.size();
            case Tuple t -> t.items().size();
            case Map<?, ?> m -> m.size();
            case Range r -> r.size();
            case DictView v -> v.items().size();
            case LoopState l -> l.length();
            case null, default -> throw new EvaluationException("object of type '" + typeName(value)
                    + "' has no len()");
        };
    }

    static boolean isIterable(Object value) {
        return switch (value) {
            case Text t -> true;
            case Undefined u -> true;
            case List<?> l -> true;
            case Tuple t -> true;
            case Map<?, ?> m -> true;
            case Range r -> true;
            case Generator g -> true;
            case DictView v -> true;
            case LoopState l -> true;
            case null, default -> false;
        };
    }

    /** What a loop over the value sees; takes what is left of a generator. */
    static List<Object> elements(Object value, Rendering rendering) {
        List<Object> elements = switch (value) {
            case List<?> l -> Collections.unmodifiableList(l);
            case Tuple t -> t.items();
            case DictView v -> v.items();
            case Map<?, ?> m -> new ArrayList<>(m.keySet());
            case Undefined u -> List.of();
            case Range r -> r.items();
            case Text t -> characters(t, rendering);
            case Generator g -> drained(g.remaining());
            case null, default -> throw new EvaluationException("'" + typeName(value)
                    + "' object is not iterable");
        };
        rendering.chargeItems(elements.size());
        return elements;
    }

    /** The first elements are cheap to have: nothing but a generator's own work is done. */
    static Iterator<Object> iterator(Object value, Rendering rendering) {
        return value instanceof Generator generator
                ? generator.remaining()
                : elements(value, rendering).iterator();
    }

    /**
     * The value as a key to look up: numbers that are equal are the same key.
     *
     * @throws EvaluationException if Python could not hash the value
     */
    static Object key(Object value) {
        if (!isHashable(value)) {
            throw new EvaluationException("unhashable type: '" + typeName(value) + "'");
        }
        boolean whole = value instanceof Double number && number == Math.rint(number)
                && Math.abs(number) < 1L << Double.PRECISION;
        return whole || value instanceof Boolean
                ? (Object) Numbers.number(value).longValue()
                : value;
    }

    /** The value as a key of a new entry. @throws EvaluationException for what may equal an int */
    static Object newKey(Object value) {
        if (value instanceof Boolean || value instanceof Double) {
            throw new EvaluationException("a " + typeName(value)
                    + " as the key of a dict is not supported; use a string or an int");
        }
        return key(value);
    }

    /** Whether the value can be a key. Tuples in tuples cannot: hashing them has no limit. */
    static boolean isHashable(Object value) {
        return value instanceof Tuple tuple
                ? tuple.items().stream().noneMatch(Values::isCollection)
                : !(value instanceof List<?> || value instanceof Map<?, ?>);
    }

    private static boolean isCollection(Object value) {
        return value instanceof Tuple || value instanceof List<?> || value instanceof Map<?, ?>;
    }

    private static List<Object> drained(Iterator<Object> remaining) {
        List<Object> items = new ArrayList<>();
        remaining.forEachRemaining(items::add);
        return items;
    }

    private static List<Object> characters(Text text, Rendering rendering) {
        rendering.chargeItems(text.length());
        List<Object> characters = new ArrayList<>(text.length());
        String value = text.value();
        for (int start = 0; start < value.length();) {
            int end = value.offsetByCodePoints(start, 1);
            characters.add(text.substring(start, end));
            start = end;
        }
        return characters;
    }
}
