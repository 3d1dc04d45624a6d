package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * A weight as a file holds it, in the form that every backend understands.
 *
 * <p>Formats with everything inside the block (all of ggml's) use {@code data} alone; formats that
 * keep their parts apart (GPTQ, AWQ, FP8 with block scales) fill {@code scales}, {@code zeros} and
 * {@code groupIndex}, which are null elsewhere. A backend packs its own layout from this; nothing
 * of that layout shows here.
 *
 * @param data       the blocks, row after row, plane after plane; borrowed from the model file
 * @param scales     one scale per group, or null
 * @param zeros      one zero point per group, or null
 * @param groupIndex the group of each column, or null where groups are consecutive
 */
public record QuantTensor(QuantFormat format, TensorShape shape, MemorySegment data,
        MemorySegment scales, MemorySegment zeros, MemorySegment groupIndex) {

    public QuantTensor {
        Objects.requireNonNull(format, "format");
        Objects.requireNonNull(shape, "shape");
        Objects.requireNonNull(data, "data");
        long expectedBytes = bytes(format, shape);
        if (data.byteSize() != expectedBytes) {
            throw new IllegalArgumentException("a " + shape + " tensor of " + format + " takes "
                    + expectedBytes + " bytes, got " + data.byteSize());
        }
    }

    /** A tensor whose blocks carry everything. */
    public static QuantTensor of(QuantFormat format, TensorShape shape, MemorySegment data) {
        return new QuantTensor(format, shape, data, null, null, null);
    }

    /** Bytes that a tensor of this format and shape takes. */
    public static long bytes(QuantFormat format, TensorShape shape) {
        return Math.multiplyExact(Math.multiplyExact(shape.planes(), shape.rows()),
                format.rowBytes(shape.columns()));
    }

    /** The same bytes in the format of ggml that they are of. */
    public QuantTensor plain() {
        return format.isPlain()
                ? this
                : new QuantTensor(format.plain(), shape, data, scales, zeros, groupIndex);
    }

    /** Bytes of one row. */
    public long rowBytes() {
        return format.rowBytes(shape.columns());
    }

    /**
     * One matrix of a bank, as a view.
     *
     * @throws IllegalArgumentException  if scales are kept apart
     * @throws IndexOutOfBoundsException if there is no such plane
     */
    public QuantTensor plane(long index) {
        Objects.checkIndex(index, shape.planes());
        long bytes = Math.multiplyExact(shape.rows(), rowBytes());
        return part(TensorShape.matrix(shape.rows(), shape.columns()), index * bytes, bytes);
    }

    /**
     * Some rows of a matrix, as a view.
     *
     * @throws IllegalArgumentException  if it is a bank, or scales are kept apart
     * @throws IndexOutOfBoundsException if there are no such rows
     */
    public QuantTensor rows(long first, long count) {
        requireWhole("rows of one matrix only");
        Objects.checkFromIndexSize(first, count, shape.rows());
        return part(TensorShape.matrix(count, shape.columns()), first * rowBytes(),
                count * rowBytes());
    }

    /**
     * Some columns of a matrix, as a copy on the heap: apart, they are no run of bytes.
     *
     * @throws IllegalArgumentException  if it is a bank, scales are kept apart, or a block of the
     *                                   format would be cut
     * @throws IndexOutOfBoundsException if there are no such columns
     */
    public QuantTensor columns(long first, long count) {
        requireWhole("columns of one matrix only");
        Objects.checkFromIndexSize(first, count, shape.columns());
        if (first % format.blockElements() != 0 || count % format.blockElements() != 0) {
            throw new IllegalArgumentException("columns " + first + " to " + (first + count)
                    + " of a " + shape + " tensor cut its blocks of " + format.blockElements()
                    + " elements (" + format + ")");
        }
        long offset = first == 0 ? 0 : format.rowBytes(first);
        long bytes = format.rowBytes(count);
        long[] copied = new long[Math.toIntExact(
                Math.ceilDiv(shape.rows() * bytes, (long) Long.BYTES))];
        MemorySegment target = MemorySegment.ofArray(copied).asSlice(0, shape.rows() * bytes);
        for (long row = 0; row < shape.rows(); row++) {
            MemorySegment.copy(data, row * rowBytes() + offset, target, row * bytes, bytes);
        }
        return of(format, TensorShape.matrix(shape.rows(), count), target);
    }

    private void requireWhole(String what) {
        if (shape.planes() != 1) {
            throw new IllegalArgumentException(what + ", got " + shape);
        }
        if (scales != null || zeros != null || groupIndex != null) {
            throw new IllegalArgumentException("a part of a " + shape + " tensor of " + format
                    + " whose scales are kept apart");
        }
    }

    private QuantTensor part(TensorShape partShape, long offset, long bytes) {
        if (scales != null || zeros != null || groupIndex != null) {
            throw new IllegalArgumentException("a part of a " + shape + " tensor of " + format
                    + " whose scales are kept apart");
        }
        return of(format, partShape, data.asSlice(offset, bytes));
    }
}
