package dev.millrace.models.template;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Python's tuple: a list that prints with parentheses and never equals a list. */
record Tuple(List<Object> items) {

    static Tuple of(Object... items) {
        return new Tuple(Collections.unmodifiableList(Arrays.asList(items)));
    }
}
