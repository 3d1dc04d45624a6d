package dev.millrace.models.template;

import java.util.function.BiFunction;

/** What stands behind a {@code |}. */
@FunctionalInterface
interface Filter {

    Object apply(Object value, Arguments arguments, Rendering rendering);

    /** A filter that takes no arguments. */
    static Filter simple(String name, BiFunction<Object, Rendering, Object> function) {
        return (value, arguments, rendering) -> {
            arguments.bind(name);
            return function.apply(value, rendering);
        };
    }
}
