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
    /** Operands of activations that a block of threads multiplies 16 rows with. */
    private static final int FEW_OPERANDS = 1;
    private static final int SOME_OPERANDS = 4;
    /** Operands and rows of a block of threads that keeps activations in shared memory. */
    private static final int MANY_OPERANDS = 8;
    private static final int MANY_ROWS = 256;
    /** Fewer of those blocks would leave most of a large device idle. */
    private static final int ENOUGH_BLOCKS = 64;

    private final Map<DeviceFormat, Few> few = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, Few> some = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, CudaFunction> many = new EnumMap<>(DeviceFormat.class);
    private final CudaFunction reorder;

    CudaMultiply(CudaDevice device) {
        reorder = device.function("reorder");
        for (DeviceFormat format : DeviceFormat.values()) {
            few.put(format, Few.of(device.function("multiplyFew" + format), FEW_OPERANDS));
            some.put(format, Few.of(device.function("multiplySome" + format), SOME_OPERANDS));
            if (format.isForMany()) {
                many.put(format, device.function("multiplyMany" + format));
            }
        }
    }

    /**
     * A kernel whose blocks of threads share all tiles of all matrices.
     *
     * @param operands of activations that it multiplies together
     * @param blocks   that the device holds at once
     */
    private record Few(CudaFunction function, int operands, int blocks) {

        static Few of(CudaFunction function, int operands) {
            return new Few(function, operands, function.residentBlocks(THREADS));
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
        int inputs = experts.rowTokens() == 0 ? rows : most;
        for (Run run : product.runs()) {
            PreparedRows ordered = inOrder(run.order(), x, inputs, product.columns());
            int blocks = Math.ceilDiv(usual, MANY_OPERANDS * tokens)
                    * Math.ceilDiv(run.rows(), MANY_ROWS) * run.count();
            if (usual > SOME_OPERANDS * tokens && run.format().isForMany()
                    && blocks >= ENOUGH_BLOCKS) {
                many(product, run, experts, ordered, rows, most);
            } else {
                few((most <= FEW_OPERANDS * tokens ? few : some).get(run.format()), product, run,
                        experts, ordered, rows, most);
            }
        }
    }

    /** The activations, or a copy in another order. */
    PreparedRows inOrder(ColumnOrder order, PreparedRows x, int rows, int columns) {
        if (order.equals(ColumnOrder.NONE)) {
            return x;
        }
        PreparedRows ordered = PreparedRows.at(order.scratch(), rows, columns, x.activations());
        reorder.begin().with(order.indices()).with(x, columns).with(ordered, columns)
                .with(columns).with(0).launch(rows, 1, 1, THREADS, 0);
        return ordered;
    }

    /** Of an expert only some groups of tokens are not empty: each gets as many blocks as one. */
    private static void few(Few kernel, CudaProduct product, Run run, Experts experts,
            PreparedRows x, int rows, int most) {
        int groups = Math.ceilDiv(most, kernel.operands() * x.activations().operandTokens());
        int blocks = experts.count() == 0 ? Math.ceilDiv(kernel.blocks(), groups) : kernel.blocks();
        arguments(kernel.function(), product, run, experts, x, rows)
                .launch(Math.min(run.tiles(), blocks), groups, 1, THREADS, 0);
    }

    /** As {@link #run} of one run, with the kernel for many tokens. */
    void many(CudaProduct product, Run run, Experts experts, PreparedRows x, int rows, int most) {
        int tokens = MANY_OPERANDS * x.activations().operandTokens();
        arguments(many.get(run.format()), product, run, experts, x, rows)
                .launch(Math.ceilDiv(most, tokens), Math.ceilDiv(run.rows(), MANY_ROWS),
                        run.count(), THREADS, 0);
    }

    private static CudaFunction arguments(CudaFunction kernel, CudaProduct product, Run run,
            Experts experts, PreparedRows x, int rows) {
        return kernel.begin().with(product.address()).with(experts.firstRows())
                .with(experts.rowTokens()).with(x, product.columns()).with(rows)
                .with(experts.count()).with(run.first()).with(run.tiles())
                .with(Math.ceilDiv(run.rows(), MatrixLayout.TILE_ROWS)).with(0);
    }
}
