package dev.millrace.kernels.cuda;

import dev.millrace.kernels.cuda.CudaProduct.Run;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Chooses and queues the kernels of products: by the format of the matrices, and by how many tokens
 * they are multiplied with. The choice is one of speed; the bits are the same.
 */
final class CudaMultiply {

    /** Operands of activations that a block of threads multiplies 16 rows with. */
    private static final int FEW_OPERANDS = 1;
    private static final int SOME_OPERANDS = 4;

    private final int multiprocessors;
    private final Map<DeviceFormat, FewKernel> few = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, FewKernel> some = new EnumMap<>(DeviceFormat.class);
    private final Map<DeviceFormat, List<ManyKernel>> many = new EnumMap<>(DeviceFormat.class);
    private final CudaFunction reorder;

    CudaMultiply(CudaDevice device) {
        reorder = device.function("reorder");
        multiprocessors = device.multiprocessors();
        for (DeviceFormat format : DeviceFormat.values()) {
            few.put(format, FewKernel.of(device.function("multiplyFew" + format), FEW_OPERANDS));
            some.put(format, FewKernel.of(device.function("multiplySome" + format),
                    SOME_OPERANDS));
            many.put(format, format.isForMany() ? ManyKernel.of(device, format) : List.of());
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
            Optional<ManyKernel> best = usual <= SOME_OPERANDS * tokens
                    ? Optional.empty()
                    : best(run, usual, tokens);
            if (best.isPresent()) {
                many(best.get(), product, run, experts, ordered, rows, most);
            } else {
                few((most <= FEW_OPERANDS * tokens ? few : some).get(run.format()), product, run,
                        experts, ordered, rows, most);
            }
        }
    }

    /** The one that takes least time for so many tokens of each matrix, if it is for many. */
    private Optional<ManyKernel> best(Run run, int count, int tokens) {
        double least = some.get(run.format()).cost(run.tiles(), count, tokens, multiprocessors);
        Optional<ManyKernel> best = Optional.empty();
        for (ManyKernel kernel : many.get(run.format())) {
            double cost = kernel.cost((long) run.count() * kernel.rowTiles(run.rows())
                    * kernel.groups(count, tokens), multiprocessors);
            if (cost < least) {
                least = cost;
                best = Optional.of(kernel);
            }
        }
        return best;
    }

    /** The activations, or a copy in another order. */
    PreparedRows inOrder(ColumnOrder order, PreparedRows x, int rows, int columns) {
        if (order.equals(ColumnOrder.NONE)) {
            return x;
        }
        PreparedRows ordered = PreparedRows.at(order.scratch(), rows, columns, x.activations());
        reorder.begin().with(order.indices()).with(x, columns).with(ordered, columns)
                .with(columns).with(0).launch(rows, 1, 1, FewKernel.THREADS, 0);
        return ordered;
    }

    /** Of an expert only some groups of tokens are not empty: each gets as many blocks as one. */
    private static void few(FewKernel kernel, CudaProduct product, Run run, Experts experts,
            PreparedRows x, int rows, int most) {
        int groups = Math.ceilDiv(most, kernel.operands() * x.activations().operandTokens());
        int blocks = experts.count() == 0 ? Math.ceilDiv(kernel.blocks(), groups) : kernel.blocks();
        arguments(kernel.function(), product, run, experts, x, rows, false)
                .launch(Math.min(run.tiles(), blocks), groups, 1, FewKernel.THREADS, 0);
    }

    /** As {@link #run} of one run, with each of the kernels for many tokens. */
    List<Runnable> many(CudaProduct product, Run run, Experts experts, PreparedRows x, int rows,
            int most) {
        return many.get(run.format()).stream().<Runnable>map(
                kernel -> () -> many(kernel, product, run, experts, x, rows, most)).toList();
    }

    /**
     * Groups of tokens are those of all experts together, of which each begins one of its own,
     * where a run has as many matrices of every expert.
     */
    private static void many(ManyKernel kernel, CudaProduct product, Run run, Experts experts,
            PreparedRows x, int rows, int most) {
        int tokens = x.activations().operandTokens();
        int count = experts.count();
        boolean counted = count > 0 && run.first() % count == 0 && run.count() % count == 0;
        int groups = counted
                ? Math.min(count * kernel.groups(most, tokens), kernel.groups(rows, tokens) + count)
                : kernel.groups(most, tokens);
        arguments(kernel.function(), product, run, experts, x, rows, counted)
                .launch(groups, kernel.rowTiles(run.rows()),
                        counted ? run.count() / count : run.count(), kernel.threads(),
                        kernel.sharedBytes());
    }

    private static CudaFunction arguments(CudaFunction kernel, CudaProduct product, Run run,
            Experts experts, PreparedRows x, int rows, boolean counted) {
        return kernel.begin().with(product.address()).with(experts.firstRows())
                .with(experts.rowTokens()).with(x, product.columns()).with(rows)
                .with(experts.count()).with(run.first()).with(run.tiles())
                .with(Math.ceilDiv(run.rows(), MatrixLayout.TILE_ROWS)).with(counted);
    }
}
