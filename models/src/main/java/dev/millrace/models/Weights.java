package dev.millrace.models;

import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import java.util.Optional;

/**
 * A model's weights by role; the tensors stay valid until the model is closed. Whatever a file
 * fuses, stacks or offsets (gemma's norm weights, say, which files of Hugging Face keep minus one)
 * is taken apart here, so that a weight is what a backend multiplies by.
 */
public interface Weights {

    /** Layer to pass for a role that no layer owns. */
    int NO_LAYER = -1;
    /** Expert to pass for a role that no expert owns. */
    int NO_EXPERT = -1;

    /** The weight, or null if the model has none in this role. */
    QuantTensor find(WeightRole role, int layer, int expert);

    /**
     * The format that {@link #find} gives a weight in, told without making it where a weight has to
     * be made; null if the model has none in this role.
     */
    default QuantFormat format(WeightRole role, int layer, int expert) {
        QuantTensor tensor = find(role, layer, expert);
        return tensor == null ? null : tensor.format();
    }

    /**
     * The weight in fewer bits with columns in an order of their own; null where {@link #find} is
     * all there is. GPTQ's groups of scattered columns are had so.
     */
    default OrderedTensor findOrdered(WeightRole role, int layer, int expert) {
        return null;
    }

    /** The format that {@link #findOrdered} gives a weight in; null where it gives none. */
    default QuantFormat orderedFormat(WeightRole role, int layer, int expert) {
        return null;
    }

    /** The files that weights come from as they are; empty if they are made at load. */
    default Optional<WeightSource> source() {
        return Optional.empty();
    }

    /** Bytes of all weights as they lie in the file. */
    long totalBytes();

    /** The weight of a role that no expert owns, or null if the model has none. */
    default QuantTensor find(WeightRole role, int layer) {
        return find(role, layer, NO_EXPERT);
    }

    /** The weight. @throws ModelException if the model has none in this role */
    default QuantTensor get(WeightRole role, int layer, int expert) {
        QuantTensor tensor = find(role, layer, expert);
        if (tensor == null) {
            throw new ModelException("the model has no " + role + " weight"
                    + (role.perLayer() ? " in layer " + layer : "")
                    + (role.perExpert() ? ", expert " + expert : ""));
        }
        return tensor;
    }

    default QuantTensor get(WeightRole role, int layer) {
        return get(role, layer, NO_EXPERT);
    }

    default QuantTensor get(WeightRole role) {
        return get(role, NO_LAYER, NO_EXPERT);
    }
}
