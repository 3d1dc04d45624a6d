package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The methods of Python's dict that do not change it. */
final class DictMethods {

    static final Map<String, Method<Map<?, ?>>> ALL = Map.of(
            "get", (map, arguments, rendering) -> get(map, arguments.bind("get", "key", "default")),
            "items",
            (map, arguments, rendering) -> view("dict_items", items(map, rendering), arguments),
            "keys",
            (map, arguments, rendering) -> view("dict_keys", new ArrayList<>(map.keySet()),
                    arguments),
            "values",
            (map, arguments, rendering) -> view("dict_values", new ArrayList<>(map.values()),
                    arguments),
            "copy", (map, arguments, rendering) -> new LinkedHashMap<>(map));

    private DictMethods() {}

    /** The entries as tuples. */
    static List<Object> items(Map<?, ?> map, Rendering rendering) {
        rendering.chargeItems(map.size());
        List<Object> items = new ArrayList<>(map.size());
        map.forEach((key, value) -> items.add(Tuple.of(key, value)));
        return items;
    }

    private static Object get(Map<?, ?> map, Arguments.Bound bound) {
        Object key = Values.key(bound.required(0));
        return map.containsKey(key) ? map.get(key) : bound.optional(1, null);
    }

    private static DictView view(String type, List<Object> items, Arguments arguments) {
        arguments.bind(type);
        return new DictView(type, items);
    }
}
