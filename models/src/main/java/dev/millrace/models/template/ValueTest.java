package dev.millrace.models.template;

import java.util.function.Predicate;

/** What stands behind {@code is}. */
@FunctionalInterface
interface ValueTest {

    boolean holds(Object value, Arguments arguments, Rendering rendering);

    /** A test that takes no arguments. */
    static ValueTest simple(String name, Predicate<Object> predicate) {
        return (value, arguments, rendering) -> {
            arguments.bind(name);
            return predicate.test(value);
        };
    }
}
