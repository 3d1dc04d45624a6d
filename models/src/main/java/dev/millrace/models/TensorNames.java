package dev.millrace.models;

import java.util.List;

/** Names of tensors in messages about files that do not have what a model needs, or have more. */
final class TensorNames {

    private static final int MOST_SHOWN = 5;

    private TensorNames() {}

    /** The first few names. */
    static String some(List<String> names) {
        String first = String.join(", ", names.subList(0, Math.min(MOST_SHOWN, names.size())));
        return names.size() > MOST_SHOWN ? first + ", ..." : first;
    }

    /**
     * Refuses what is left over: a tensor that nobody reads would be a computation that nobody
     * makes.
     *
     * @throws ModelException if there are any
     */
    static void refuseOthers(String source, ModelSpec spec, List<String> others) {
        if (!others.isEmpty()) {
            throw new ModelException(source + " has " + others.size() + " tensors that "
                    + spec.architecture() + " with " + spec.layers() + " layers does not use: "
                    + some(others)
                    + "; it was made for a variant that this version does not compute");
        }
    }
}
