package dev.millrace.models.gguf;

import dev.millrace.kernels.TensorShape;
import java.util.List;

/**
 * What a file says about one tensor, checked against the file's size.
 *
 * @param name       at most 64 bytes, unique in the file
 * @param dimensions extents, the fastest-moving first: (columns), (columns, rows), ...
 * @param offset     of the first byte from the start of the file
 * @param bytes      that the tensor takes
 */
public record GgufTensor(String name, GgufTensorType type, List<Long> dimensions, long offset,
        long bytes) {

    public GgufTensor {
        dimensions = List.copyOf(dimensions);
    }

    /** The extents with rows and columns in the order of this code; higher ones become planes. */
    public TensorShape shape() {
        long planes = 1;
        for (int d = 2; d < dimensions.size(); d++) {
            planes = Math.multiplyExact(planes, dimensions.get(d));
        }
        return new TensorShape(planes, dimensions.size() > 1 ? dimensions.get(1) : 1,
                dimensions.get(0));
    }

    public long elements() {
        return shape().elements();
    }
}
