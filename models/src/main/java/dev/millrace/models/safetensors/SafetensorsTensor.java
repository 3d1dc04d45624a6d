package dev.millrace.models.safetensors;

import dev.millrace.kernels.TensorShape;
import java.util.List;

/**
 * What a file says about one tensor, checked against the file's size.
 *
 * @param name       unique in the file
 * @param dimensions extents, the fastest-moving last: (..., rows, columns); none for a scalar; an
 *                   extent may be 0
 * @param offset     of the first byte from the start of the file
 * @param bytes      that the tensor takes
 */
public record SafetensorsTensor(String name, SafetensorsType type, List<Long> dimensions,
        long offset, long bytes) {

    public SafetensorsTensor {
        dimensions = List.copyOf(dimensions);
    }

    /** Elements in the tensor, 0 or more. */
    public long elements() {
        return bytes / type.elementBytes();
    }

    /**
     * The extents as rows and columns; higher ones become planes, and a scalar is a vector of one.
     *
     * @throws SafetensorsException if the tensor has no elements
     */
    public TensorShape shape() {
        if (bytes == 0) {
            throw new SafetensorsException("tensor " + Quoted.text(name) + " is " + dimensions
                    + " and has no elements");
        }
        int rank = dimensions.size();
        long columns = rank > 0 ? dimensions.get(rank - 1) : 1;
        long rows = rank > 1 ? dimensions.get(rank - 2) : 1;
        return new TensorShape(elements() / rows / columns, rows, columns);
    }
}
