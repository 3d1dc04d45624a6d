package dev.millrace.engine.cpu.packed;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.WeightRole;

/**
 * Which weight a matrix is.
 *
 * @param layer  or {@link dev.millrace.models.Weights#NO_LAYER}
 * @param expert or {@link dev.millrace.models.Weights#NO_EXPERT}
 * @param format it was packed from
 * @param shape  (rows, columns)
 */
public record PackedKey(WeightRole role, int layer, int expert, QuantFormat format,
        TensorShape shape) {}
