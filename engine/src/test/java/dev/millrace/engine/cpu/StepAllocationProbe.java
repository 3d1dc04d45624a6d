package dev.millrace.engine.cpu;

import com.sun.management.ThreadMXBean;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.LogitRules;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.TokenFilters;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Runs steps until they allocate no more than their results, and prints the
 * bytes per step of all threads together. A process of its own, because a vector that the compiler
 * boxes depends on what else the process ran.
 */
final class StepAllocationProbe {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory
            .getThreadMXBean();
    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final int STEPS = 50;
    private static final Duration LIMIT = Duration.ofMinutes(3);

    private StepAllocationProbe() {}

    /**
     * @param arguments what runs, rows of the batch, tokens of each row, the most bytes per step to
     *                  accept
     */
    public static void main(String[] arguments) {
        int rows = Integer.parseInt(arguments[1]);
        int tokens = Integer.parseInt(arguments[2]);
        long accepted = Long.parseLong(arguments[3]);
        switch (arguments[0]) {
            case "vector" -> measure(CpuKernels.vector(), RandomModel.plain(), rows, tokens,
                    accepted);
            case "native" -> measure(CpuKernels.nativeTwin(),
                    RandomModel.inFormat(QuantFormat.Q8_0), rows, tokens, accepted);
            case "adapters" -> {
                try (TinyLora tiny = new TinyLora(CpuKernels.vector())) {
                    measure(tiny.pass(), batch(rows, tokens, tiny.slot("wide")), accepted);
                }
            }
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void measure(CpuKernels kernels, RandomModel model, int rows, int tokens,
            long accepted) {
        MemoryBudget budget = new MemoryBudget(1L << 30, CONTEXT, rows, rows * tokens);
        try (WorkerPool pool = WorkerPool.create(2);
                ForwardPass pass = new CpuBackend(kernels, pool, Duration.ZERO)
                        .open(model.spec(), model, budget)) {
            measure(pass, batch(rows, tokens, SequenceRow.NO_ADAPTER), accepted);
        }
    }

    private static void measure(ForwardPass pass, StepBatch batch, long accepted) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        long bytes;
        do {
            long before = THREADS.getTotalThreadAllocatedBytes();
            for (int i = 0; i < STEPS; i++) {
                pass.step(batch);
            }
            bytes = (THREADS.getTotalThreadAllocatedBytes() - before) / STEPS;
        } while (bytes > accepted && System.nanoTime() < deadline);
        System.out.println(bytes);
    }

    /** The same positions in every step: the cache is overwritten with what it holds. */
    private static StepBatch batch(int rows, int tokens, int adapter) {
        int rowBlocks = Math.ceilDiv(tokens, MemoryPlan.BLOCK_TOKENS);
        SamplingRow sampling = everything();
        List<SequenceRow> sequences = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            int[] ids = new int[tokens];
            for (int i = 0; i < tokens; i++) {
                ids[i] = row + i;
            }
            sequences.add(SequenceFeed.inBlocks(row * rowBlocks, rowBlocks).withAdapter(adapter)
                    .row(OutputRequest.SAMPLE_LAST, sampling, ids));
        }
        return new StepBatch(sequences, BlockOperations.NONE);
    }

    /** Every filter, penalty and rule at once. */
    private static SamplingRow everything() {
        int[] text = new int[500];
        for (int i = 0; i < text.length; i++) {
            text[i] = i % 7;
        }
        DryPenalty dry = new DryPenalty(0.5f, 1.5f, 2, -1, new SequenceBreakers(
                Map.of(9, new int[][]{{}}, 4, new int[][]{{5, 9}})));
        LogitRules rules = new LogitRules(new int[]{1}, new float[]{0.5f}, null,
                new int[][]{{1, 2}, {3}}, new int[]{0}, 1000);
        return SamplingRow.of(TokenFilters.of(1, 20, 0.9f, 0.01f).typical(0.95f).sigmas(3)
                .excludingTop(0.5f, 0.1f), 3)
                .penalised(Penalties.of(1.1f, 0.1f, 0.1f).with(dry), text, 2).ruled(rules);
    }
}
