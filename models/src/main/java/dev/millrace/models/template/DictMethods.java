package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The methods of Python's dict that do not change it. */
final class DictMethods {

    static final Map<String, Method<Map<?, ?>>> ALL = Map.of(
            "get", (map, arguments, rendering) -> get(map, arguments),
            "items", view("items", DictMethods::items),
            "keys", view("keys", (map, rendering) -> Values.elements(map, rendering)),
            "values", view("values", DictMethods::values),
            "copy", DictMethods::copy);

    private DictMethods() {}

    /** What a view shows of a dict. */
    private interface View {
        List<Object> of(Map<?, ?> map, Rendering rendering);
    }

    private static Method<Map<?, ?>> view(String name, View view) {
        return (map, arguments, rendering) -> {
            arguments.bindPositional(name);
            return new DictView("dict_" + name, view.of(map, rendering));
        };
    }

    /** The entries as tuples. */
    static List<Object> items(Map<?, ?> map, Rendering rendering) {
        rendering.chargeItems(map.size());
        List<Object> items = new ArrayList<>(map.size());
        map.forEach((key, value) -> items.add(Tuple.of(key, value)));
        return items;
    }

    private static List<Object> values(Map<?, ?> map, Rendering rendering) {
        rendering.chargeItems(map.size());
        return new ArrayList<>(map.values());
    }

    private static Object get(Map<?, ?> map, Arguments arguments) {
        Arguments.Bound bound = arguments.bindPositional("get", "key", "default");
        Object key = Values.key(bound.required(0));
        return map.containsKey(key) ? map.get(key) : bound.optional(1, null);
    }

    private static Map<Object, Object> copy(Map<?, ?> map, Arguments arguments,
            Rendering rendering) {
        arguments.bindPositional("copy");
        rendering.chargeItems(map.size());
        return new LinkedHashMap<>(map);
    }
}
