package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;

/** A model's weights by role; the tensors stay valid until the model is closed. */
public interface Weights {

    /** Layer to pass for a role that no layer owns. */
    int NO_LAYER = -1;

    /** The weight, or null if the model has none in this role. */
    QuantTensor find(WeightRole role, int layer);

    /** Bytes of all weights as they lie in the file. */
    long totalBytes();

    /** The weight. @throws ModelException if the model has none in this role */
    default QuantTensor get(WeightRole role, int layer) {
        QuantTensor tensor = find(role, layer);
        if (tensor == null) {
            throw new ModelException("the model has no " + role
                    + (role.perLayer() ? " weight in layer " + layer : " weight"));
        }
        return tensor;
    }

    default QuantTensor get(WeightRole role) {
        return get(role, NO_LAYER);
    }
}
