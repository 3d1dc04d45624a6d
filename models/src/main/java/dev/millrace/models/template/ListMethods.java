package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The methods of Python's list and tuple that do not change it. */
final class ListMethods {

    static final Map<String, Method<List<?>>> ALL = Map.of(
            "index", ListMethods::index,
            "count", ListMethods::count,
            "copy",
            (list, arguments, rendering) -> new ArrayList<>(Values.elements(list, rendering)));

    private ListMethods() {}

    private static long index(List<?> list, Arguments arguments, Rendering rendering) {
        Object wanted = arguments.bindPositional("index", "value").required(0);
        for (int i = 0; i < list.size(); i++) {
            rendering.charge(1);
            if (Comparison.equal(list.get(i), wanted, rendering)) {
                return i;
            }
        }
        throw new EvaluationException(Printer.repr(wanted, rendering) + " is not in list");
    }

    private static long count(List<?> list, Arguments arguments, Rendering rendering) {
        Object wanted = arguments.bindPositional("count", "value").required(0);
        long count = 0;
        for (Object item : list) {
            rendering.charge(1);
            count += Comparison.equal(item, wanted, rendering) ? 1 : 0;
        }
        return count;
    }
}
