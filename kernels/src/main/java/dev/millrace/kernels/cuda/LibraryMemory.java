package dev.millrace.kernels.cuda;

import dev.millrace.kernels.TensorShape;
import java.util.List;

/**
 * What device memory {@link LibraryProducts} take, told before anything is read: a workspace,
 * activations of a step as plain halves, and matrices as such, the largest or all.
 *
 * @param matrices    that the library is to multiply by
 * @param tokens      of the largest step
 * @param activations what they are rounded to
 * @param copies      whether all matrices are kept as halves, or one is made anew each time
 */
public record LibraryMemory(List<TensorShape> matrices, int tokens, CudaActivations activations,
        boolean copies) {

    /** What NVIDIA's manual of cuBLAS has for Hopper; others want less. */
    static final long WORKSPACE_BYTES = 32L << 20;
    private static final long LARGEST_BYTES = MatrixLayout.ALIGNMENT_BYTES;

    public LibraryMemory {
        matrices = List.copyOf(matrices);
    }

    /** Of a matrix as halves. */
    static long matrixBytes(long rows, long columns) {
        return aligned(rows * PreparedRows.stride(Math.toIntExact(columns)) * Short.BYTES);
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, MatrixLayout.ALIGNMENT_BYTES) * MatrixLayout.ALIGNMENT_BYTES;
    }

    /** Of one of the halves of all activations of the largest step. */
    long activationBytes() {
        int widest = matrices.stream().mapToInt(each -> Math.toIntExact(each.columns())).max()
                .orElse(0);
        return matrixBytes(tokens, widest);
    }

    long workspaceOffset() {
        return LARGEST_BYTES;
    }

    long activationsOffset() {
        return workspaceOffset() + WORKSPACE_BYTES;
    }

    long matricesOffset() {
        return activationsOffset() + activations.halves() * activationBytes();
    }

    /** Bytes of all. */
    public long bytes() {
        var each = matrices.stream().mapToLong(shape -> matrixBytes(shape.rows(),
                shape.columns()));
        return matricesOffset() + (copies ? each.sum() : each.max().orElse(0));
    }
}
