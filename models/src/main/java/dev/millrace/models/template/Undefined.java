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
        if (key instanceof Text name) {
            return new Undefined("'" + type + "' has no attribute '" + name + "'");
        }
        Object shown = Numbers.isNumber(key) ? key : "of type " + Values.typeName(key);
        return new Undefined(type + " has no element " + shown);
    }

    EvaluationException refuse() {
        return new EvaluationException(message);
    }
}
