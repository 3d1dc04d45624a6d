package dev.millrace.models.safetensors;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;

/**
 * A weight of a checkpoint.
 *
 * @param name    as the model's authors have it, {@code .weight} and all
 * @param shape   of the weight itself, (planes, rows out, columns in), whatever files pack it in
 * @param stored  how the files hold it, for people: {@code BF16}, {@code GPTQ int4, groups of 128}
 * @param format  what {@link Checkpoint#read} makes of it
 * @param ordered what {@link Checkpoint#readOrdered} makes of it; null where it makes nothing
 */
public record CheckpointTensor(String name, TensorShape shape, String stored,
        QuantFormat format, QuantFormat ordered) {

    /** Bytes that the tensor takes once read. */
    public long bytes() {
        return QuantTensor.bytes(format, shape);
    }
}
