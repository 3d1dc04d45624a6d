package dev.millrace.models.template;

/**
 * A value that is not there: prints as nothing, is false and empty, and refuses everything else.
 *
 * @param message what an attempt to use it says
 */
record Undefined(String message) {

    static Undefined variable(String name) {
        return new Undefined("'" + name + "' is undefined");
    }

    static Undefined member(Object owner, Object key) {
        String type = owner == null ? "None" : Values.typeName(owner) + " object";
        return new Undefined(key instanceof Text name
                ? "'" + type + "' has no attribute '" + name + "'"
                : type + " has no element " + key);
    }

    EvaluationException refuse() {
        return new EvaluationException(message);
    }
}
