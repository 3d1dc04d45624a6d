package dev.millrace.models.template;

import java.util.HashMap;
import java.util.Map;

/** Variables by name, the innermost first. */
final class Scope {

    private static final Object ABSENT = new Object();

    private final Scope outer;
    private final Rendering rendering;
    private final Map<String, Object> variables;

    /** The outermost scope. */
    Scope(Rendering rendering, Map<String, Object> variables) {
        this.outer = null;
        this.rendering = rendering;
        this.variables = variables;
    }

    private Scope(Scope outer) {
        this.outer = outer;
        this.rendering = outer.rendering;
        this.variables = new HashMap<>();
    }

    Scope inner() {
        return new Scope(this);
    }

    Rendering rendering() {
        return rendering;
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Object value = scope.variables.getOrDefault(name, ABSENT);
            if (value != ABSENT) {
                return value;
            }
        }
        return Undefined.variable(name);
    }

    void set(String name, Object value) {
        variables.put(name, value);
    }
}
