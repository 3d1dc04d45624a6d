package dev.millrace.models.template;

import java.util.List;
import java.util.Map;
import java.util.Set;

/** Jinja's {@code value.name} and {@code value[key]}: entries and known methods, nothing else. */
final class Members {

    /** Changing a value is what transformers' immutable sandbox forbids. */
    private static final Map<Class<?>, Set<String>> FORBIDDEN = Map.of(
            List.class,
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
            Map.class,
            Set.of("clear", "pop", "popitem", "setdefault", "update"));

    /** Says that there is no such member; null would be a member that is None. */
    static final Object ABSENT = new Object();

    private Members() {}

    /** {@code target.name}: a method first, then an entry, else undefined. */
    static Object attribute(Object target, Text name) {
        if (target instanceof Map<?, ?> map && !DictMethods.ALL.containsKey(name.value())) {
            // Most accesses are to entries; no member but a method goes before them.
            Object entry = map.get(name);
            if (entry != null || map.containsKey(name)) {
                return entry;
            }
        }
        Object member = member(target, name);
        return member != ABSENT ? member : Undefined.member(target, name);
    }

    /** {@code target[key]}: an entry or item first, then a method, else undefined. */
    static Object item(Object target, Object key, Rendering rendering) {
        switch (target) {
            case Undefined undefined -> throw undefined.refuse();
            case Map<?, ?> map when Values.isHashable(key) -> {
                Object known = Values.key(key);
                Object entry = map.get(known);
                if (entry != null || map.containsKey(known)) {
                    return entry;
                }
            }
            case List<?> list when isIndex(key) -> {
                int index = index(key, list.size());
                return index < 0 ? Undefined.member(target, key) : list.get(index);
            }
            case Tuple tuple when isIndex(key) -> {
                int index = index(key, tuple.items().size());
                return index < 0 ? Undefined.member(target, key) : tuple.items().get(index);
            }
            case Range range when isIndex(key) -> {
                int index = index(key, range.size());
                return index < 0
                        ? Undefined.member(target, key)
                        : range.start() + index * range.step();
            }
            case Text text when isIndex(key) -> {
                return character(text, key, rendering);
            }
            case null, default -> {
                // Falls to what has the name of a method.
            }
        }
        Object member = key instanceof Text name ? member(target, name) : ABSENT;
        return member != ABSENT ? member : Undefined.member(target, key);
    }

    /** What Python's getattr finds: a method or a special attribute, else {@link #ABSENT}. */
    static Object member(Object target, Text name) {
        String plain = name.value();
        if (target instanceof Undefined undefined) {
            throw undefined.refuse();
        }
        if (plain.startsWith("__")) {
            return new Undefined(
                    "access to attribute '" + plain + "' of '" + Values.typeName(target)
                            + "' object is unsafe.");
        }
        Object member = switch (target) {
            case Text text -> bound(StringMethods.ALL, plain, text);
            case Map<?, ?> map -> bound(DictMethods.ALL, plain, map);
            case List<?> list -> bound(ListMethods.ALL, plain, list);
            case Tuple tuple -> bound(ListMethods.ALL, plain, tuple.items());
            case Namespace namespace -> namespace.attributes().getOrDefault(name, ABSENT);
            case LoopState loop -> loop.attribute(plain);
            case Cycler cycler -> cycler.attribute(plain);
            case null, default -> ABSENT;
        };
        return member != ABSENT ? member : forbidden(target, plain);
    }

    private static <T> Object bound(Map<String, Method<T>> methods, String name, T self) {
        Method<T> method = methods.get(name);
        return method == null ? ABSENT : method.on(self);
    }

    private static Object forbidden(Object target, String name) {
        for (Map.Entry<Class<?>, Set<String>> type : FORBIDDEN.entrySet()) {
            if (type.getKey().isInstance(target) && type.getValue().contains(name)) {
                return new Undefined(
                        "access to attribute '" + name + "' of '" + Values.typeName(target)
                                + "' object is unsafe.");
            }
        }
        return ABSENT;
    }

    private static boolean isIndex(Object key) {
        return key instanceof Long || key instanceof Boolean;
    }

    /** The position from the front, or -1 outside. */
    private static int index(Object key, int size) {
        long index = Numbers.integer(key);
        long fromFront = index < 0 ? index + size : index;
        return fromFront >= 0 && fromFront < size ? (int) fromFront : -1;
    }

    private static Object character(Text text, Object key, Rendering rendering) {
        rendering.chargeText(text.length());
        String value = text.value();
        int index = index(key, value.codePointCount(0, value.length()));
        if (index < 0) {
            return Undefined.member(text, key);
        }
        int start = value.offsetByCodePoints(0, index);
        return text.substring(start, value.offsetByCodePoints(start, 1));
    }
}
