package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaActivations;
import java.util.Objects;

/**
 * How models run on a GPU.
 *
 * @param launches    how kernels get there
 * @param activations what activations are rounded to before products
 * @param products    what multiplies where tokens are many
 */
public record CudaSettings(CudaLaunches launches, CudaActivations activations,
        CudaProducts products) {

    public CudaSettings {
        Objects.requireNonNull(launches, "launches");
        Objects.requireNonNull(activations, "activations");
        Objects.requireNonNull(products, "products");
    }

    /** With the kernels' own products. */
    public CudaSettings(CudaLaunches launches, CudaActivations activations) {
        this(launches, activations, CudaProducts.OWN);
    }

    /** The same with other products. */
    public CudaSettings with(CudaProducts other) {
        return new CudaSettings(launches, activations, other);
    }
}
