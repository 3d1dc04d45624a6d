package dev.millrace.models.template;

import java.util.List;
import java.util.Map;

/** The evaluated arguments of a call. */
record Arguments(List<Object> positional, Map<String, Object> named) {

    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** The arguments after the first {@code count} positional ones. */
    Arguments without(int count) {
        return new Arguments(positional.subList(count, positional.size()), named);
    }

    /** Like {@link #bind}, for a function of Python's whose parameters have no names. */
    Bound bindPositional(String callee, String... parameters) {
        if (!named.isEmpty()) {
            throw new EvaluationException(callee + "() takes no keyword arguments");
        }
        return bind(callee, parameters);
    }

    /**
     * Assigns the arguments to parameters.
     *
     * @param callee what errors call the function
     * @throws EvaluationException for an argument too many, or twice, or of an unknown name
     */
    Bound bind(String callee, String... parameters) {
        if (positional.size() > parameters.length) {
            throw new EvaluationException(callee + "() takes at most " + parameters.length
                    + " arguments (" + positional.size() + " given)");
        }
        Object[] values = new Object[parameters.length];
        boolean[] given = new boolean[parameters.length];
        for (int i = 0; i < positional.size(); i++) {
            values[i] = positional.get(i);
            given[i] = true;
        }
        named.forEach((name, value) -> {
            int index = List.of(parameters).indexOf(name);
            if (index < 0) {
                throw new EvaluationException(
                        callee + "() got an unexpected keyword argument '" + name + "'");
            }
            if (given[index]) {
                throw new EvaluationException(
                        callee + "() got multiple values for argument '" + name + "'");
            }
            values[index] = value;
            given[index] = true;
        });
        return new Bound(callee, parameters, values, given);
    }

    /** Arguments by parameter, in the order of the parameters. */
    record Bound(String callee, String[] parameters, Object[] values, boolean[] given) {

        boolean has(int index) {
            return given[index];
        }

        Object required(int index) {
            if (!given[index]) {
                throw new EvaluationException(
                        callee + "() missing argument '" + parameters[index] + "'");
            }
            return values[index];
        }

        Object optional(int index, Object fallback) {
            return given[index] ? values[index] : fallback;
        }

        boolean flag(int index) {
            return given[index] && Values.truth(values[index]);
        }

        long integer(int index, long fallback) {
            return given[index] ? Numbers.integer(values[index]) : fallback;
        }

        Text text(int index) {
            if (required(index) instanceof Text text) {
                return text;
            }
            throw new EvaluationException(callee + "() argument '" + parameters[index]
                    + "' must be str, not " + Values.typeName(values[index]));
        }
    }
}
