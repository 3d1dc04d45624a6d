package dev.millrace.models.template;

import java.util.HashMap;
import java.util.Map;

/** Jinja's filters by name. */
final class Filters {

    private static final Map<String, Filter> ALL = all();

    private Filters() {}

    private static Map<String, Filter> all() {
        Map<String, Filter> all = new HashMap<>();
        all.putAll(TextFilters.ALL);
        all.putAll(SequenceFilters.ALL);
        all.putAll(SelectionFilters.ALL);
        all.putAll(ValueFilters.ALL);
        return Map.copyOf(all);
    }

    /** The filter of that name, or null. */
    static Filter named(String name) {
        return ALL.get(name);
    }

    static EvaluationException unknown(String name) {
        return new EvaluationException("No filter named '" + name + "'.");
    }
}
