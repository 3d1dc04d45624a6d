package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.gguf.GgufTensor;
import dev.millrace.models.safetensors.CheckpointTensor;

/**
 * One line of a model file's table of contents.
 *
 * @param type   the file's own name for the element layout, such as {@code Q4_K}; with what it
 *               becomes where it is held in parts
 * @param bytes  as the kernels get the tensor
 * @param format in which they get it; null if no kernel exists for the type
 */
public record TensorEntry(String name, String type, TensorShape shape, long bytes,
        QuantFormat format) {

    static TensorEntry of(GgufTensor tensor) {
        return new TensorEntry(tensor.name(), tensor.type().name(), tensor.shape(),
                tensor.bytes(), tensor.type().format().orElse(null));
    }

    static TensorEntry of(CheckpointTensor tensor) {
        return new TensorEntry(tensor.name(), tensor.stored(), tensor.shape(), tensor.bytes(),
                tensor.format());
    }

    /** Whether a kernel exists for the type. */
    public boolean computable() {
        return format != null;
    }
}
