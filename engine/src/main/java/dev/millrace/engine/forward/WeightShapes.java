package dev.millrace.engine.forward;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;

/** Whether a file's weights are of the sizes that its metadata speak of. */
public final class WeightShapes {

    private WeightShapes() {}

    /** @throws BackendException if the weight has another shape than the model needs */
    public static void require(ModelSpec spec, WeightRole role, int layer, QuantTensor tensor) {
        TensorShape expected = role.shape(spec, layer);
        if (!tensor.shape().equals(expected)) {
            throw new BackendException("the " + role + " weight"
                    + (role.perLayer() ? " of layer " + layer : "") + " is " + tensor.shape()
                    + ", but the model's sizes ask for " + expected
                    + "; the file is damaged or of an unsupported kind");
        }
    }
}
