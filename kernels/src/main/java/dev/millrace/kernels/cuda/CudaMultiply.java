package dev.millrace.kernels.cuda;

import dev.millrace.kernels.cuda.CudaProduct.Run;
import java.util.EnumMap;
import java.util.Map;

/**
 * Chooses and queues the kernels of products: by the format of the matrices, and by how many tokens
 * they are multiplied with. The choice is one of speed; the bits are the same.
 */
final class CudaMultiply {

    private static final int THREADS = 256;
    /** Operands of activations of one block of threads that has 16 rows. */
    private static final int FEW_OPERANDS = 1;
    private static final int SOME_OPERANDS = 4;
    /** Operands and rows of a block of threads that keeps activations in shared memory. */
    private static final int MANY_OPERANDS = 8;
    private static final int MANY_ROWS = 256;
    /** Fewer of those blocks would leave most of a large device idle. */
    private static final int ENOUGH_BLOCKS = 64;

    private final Map<DeviceFormat, CudaFunction> few = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, CudaFunction> some = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, CudaFunction> many = new EnumMap<>(DeviceFormat.class);

    CudaMultiply(CudaDevice device) {
        for (DeviceFormat format : DeviceFormat.values()) {
            few.put(format, device.function("multiplyFew" + format));
            some.put(format, device.function("multiplySome" + format));
            if (format.isForMany()) {
                many.put(format, device.function("multiplyMany" + format));
            }
        }
    }

    /**
     * Whose rows are multiplied by which matrices: matrix i is that of expert {@code i % count}.
     *
     * @param count     0 where all rows are multiplied by all matrices
     * @param firstRows (count + 1) ints: rows of each expert
     * @param rowTokens (rows) ints: which activations; 0 for those of the row
     */
    record Experts(int count, long firstRows, long rowTokens) {

        static final Experts NONE = new Experts(0, 0, 0);
    }

    /** @param most rows of one expert, or all rows */
    void run(CudaProduct product, Experts experts, PreparedRows x, int rows, int most) {
        int tokens = x.activations().operandTokens();
        int usual = experts.count() == 0 ? rows : Math.ceilDiv(rows, experts.count());
        for (Run run : product.runs()) {
            int blocks = Math.ceilDiv(usual, MANY_OPERANDS * tokens)
                    * Math.ceilDiv(run.rows(), MANY_ROWS) * run.count();
            if (usual > SOME_OPERANDS * tokens && run.format().isForMany()
                    && blocks >= ENOUGH_BLOCKS) {
                many(product, run, experts, x, rows, most);
            } else if (most <= FEW_OPERANDS * tokens) {
                launch(few.get(run.format()), FEW_OPERANDS, MatrixLayout.TILE_ROWS, product, run,
                        experts, x, rows, most);
            } else {
                launch(some.get(run.format()), SOME_OPERANDS, MatrixLayout.TILE_ROWS, product, run,
                        experts, x, rows, most);
            }
        }
    }

    /** As {@link #run} of one run, with the kernel for many tokens. */
    void many(CudaProduct product, Run run, Experts experts, PreparedRows x, int rows, int most) {
        launch(many.get(run.format()), MANY_OPERANDS, MANY_ROWS, product, run, experts, x, rows,
                most);
    }

    private static void launch(CudaFunction kernel, int operands, int blockRows,
            CudaProduct product, Run run, Experts experts, PreparedRows x, int rows, int most) {
        int tokens = operands * x.activations().operandTokens();
        kernel.begin().with(product.address()).with(experts.firstRows())
                .with(experts.rowTokens()).with(x, product.columns()).with(rows)
                .with(experts.count()).with(run.first()).with(0)
                .launch(Math.ceilDiv(most, tokens), Math.ceilDiv(run.rows(), blockRows),
                        run.count(), THREADS, 0);
    }
}
