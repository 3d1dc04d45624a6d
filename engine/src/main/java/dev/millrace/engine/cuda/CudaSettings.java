package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaActivations;
import java.util.Objects;

/**
 * How models run on a GPU.
 *
 * @param launches    how kernels get there
 * @param activations what activations are rounded to before products
 */
public record CudaSettings(CudaLaunches launches, CudaActivations activations) {

    public CudaSettings {
        Objects.requireNonNull(launches, "launches");
        Objects.requireNonNull(activations, "activations");
    }
}
