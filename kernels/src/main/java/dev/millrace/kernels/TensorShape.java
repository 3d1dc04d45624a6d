package dev.millrace.kernels;

/**
 * The extent of a tensor: {@code planes} matrices of {@code rows} by {@code columns}.
 *
 * <p>A vector has one row, a matrix one plane, a bank of experts one plane per expert. Columns are
 * contiguous in memory.
 */
public record TensorShape(long planes, long rows, long columns) {

    public TensorShape {
        if (planes <= 0 || rows <= 0 || columns <= 0) {
            throw new IllegalArgumentException(
                    "every extent must be positive, got " + planes + " x "
                            + rows + " x " + columns);
        }
    }

    public static TensorShape vector(long columns) {
        return new TensorShape(1, 1, columns);
    }

    public static TensorShape matrix(long rows, long columns) {
        return new TensorShape(1, rows, columns);
    }

    /** @throws ArithmeticException if the product does not fit a long */
    public long elements() {
        return Math.multiplyExact(Math.multiplyExact(planes, rows), columns);
    }

    @Override
    public String toString() {
        return (planes == 1 ? "" : planes + " x ") + rows + " x " + columns;
    }
}
