package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs steps of the shapes that requests bring (one row, a batch, a prompt chunk) until the JIT has
 * compiled what they use: interpreted kernels are thousands of times slower, and the first client
 * should not pay for that. Kernels that were compiled ahead of time leave it little to do: what
 * calls them, and the pages that they touch first.
 */
final class WarmUp {

    /** A shape has settled when no step was faster than the best before for this many steps... */
    private static final int SETTLED_STEPS = 4;
    /** ... and for this long, which the JIT needs to notice and to compile in the background. */
    private static final long SETTLED_NANOS = 150_000_000;
    /** Faster by less than 3 % does not count: the clock of a busy machine is no better. */
    private static final double NOTABLE_SHARE = 0.97;
    /** Neither fills the blocks of rows that kernels prefer, so that what is left over runs too. */
    private static final int BATCH_ROWS = 6;
    private static final int SHORT_PROMPT_TOKENS = 45;
    /** Steps of one row with kernels that were compiled ahead: their callers were not. */
    private static final int FIRST_ROWS = 2;
    /** After those, enough to have the callers go through several positions at a time. */
    private static final int FIRST_PROMPT_TOKENS = 9;
    private static final SamplingRow SAMPLING = SamplingRow.of(1, 0, 0.95f, 0.05f, 0);

    private final CpuForwardPass pass;
    private final CacheGeometry geometry;
    private final long deadlineNanos;
    private double nanosPerToken;
    private int usedBlocks;

    private WarmUp(CpuForwardPass pass, Duration limit) {
        this.pass = pass;
        geometry = pass.cacheGeometry();
        deadlineNanos = System.nanoTime() + limit.toNanos();
    }

    /**
     * Leaves the cache as it was: empty.
     *
     * @param compiledAhead whether the pass's kernels were
     */
    static void run(CpuForwardPass pass, MemoryBudget budget, boolean compiledAhead,
            Duration limit) {
        if (!limit.isZero()) {
            new WarmUp(pass, limit).run(budget, compiledAhead);
        }
    }

    private void run(MemoryBudget budget, boolean compiledAhead) {
        int blocks = geometry.groups().stream().mapToInt(LayerGroup::blocks).min().orElseThrow();
        int longest = (int) Math.min(Math.min(budget.stepTokens(), budget.contextTokens()),
                (long) blocks * geometry.blockTokens());
        StepBatch row = batch(1, 1);
        StepBatch prompt = batch(1, Math.min(longest,
                compiledAhead ? FIRST_PROMPT_TOKENS : SHORT_PROMPT_TOKENS));
        if (compiledAhead) {
            repeat(row, FIRST_ROWS);
            repeat(prompt, 1);
        } else {
            int batchRows = Math.min(BATCH_ROWS, Math.min(budget.sequences(), blocks));
            List<StepBatch> shapes = List.of(row, batch(batchRows, 1), prompt, batch(1, longest));
            for (int i = 0; i < shapes.size(); i++) {
                settle(shapes.get(i), shapes.size() - i);
            }
        }
        clear();
    }

    /** Rows with nothing computed yet, each in blocks of its own. */
    private StepBatch batch(int rows, int tokens) {
        int rowBlocks = geometry.blocksFor(tokens);
        List<SequenceRow> sequences = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            sequences.add(new SequenceRow(new int[tokens], 0,
                    geometry.ownTables(row, tokens, tokens), SequenceRow.NO_ADAPTER,
                    OutputRequest.SAMPLE_LAST, SAMPLING));
        }
        usedBlocks = Math.max(usedBlocks, rows * rowBlocks);
        return new StepBatch(sequences, BlockOperations.NONE);
    }

    private void repeat(StepBatch batch, int times) {
        for (int i = 0; i < times && System.nanoTime() < deadlineNanos; i++) {
            pass.step(batch);
        }
    }

    /**
     * Repeats a step until it gets no faster or its share of the time that is left is up. A shape
     * whose first step would overrun the limit is left out: the smaller ones have compiled most of
     * what it needs.
     */
    private void settle(StepBatch batch, int shapesLeft) {
        long startNanos = System.nanoTime();
        long leftNanos = deadlineNanos - startNanos;
        if (leftNanos <= 0 || nanosPerToken * batch.tokens() > leftNanos) {
            return;
        }
        long endNanos = startNanos + leftNanos / shapesLeft;
        long bestNanos = Long.MAX_VALUE;
        long nowNanos = startNanos;
        long improvedNanos = startNanos;
        int unchanged = 0;
        while (nowNanos < endNanos && (unchanged < SETTLED_STEPS
                || nowNanos - improvedNanos < SETTLED_NANOS)) {
            long nanos = pass.step(batch).deviceNanos();
            nowNanos = System.nanoTime();
            unchanged++;
            if (nanos < bestNanos * NOTABLE_SHARE) {
                unchanged = 0;
                improvedNanos = nowNanos;
            }
            bestNanos = Math.min(bestNanos, nanos);
        }
        nanosPerToken = (double) bestNanos / batch.tokens();
    }

    private void clear() {
        List<Move> zero = new ArrayList<>();
        for (int group = 0; group < geometry.groups().size(); group++) {
            for (int block = 0; block < usedBlocks; block++) {
                zero.add(new Move(group, block, block));
            }
        }
        pass.step(new StepBatch(List.of(), new BlockOperations(List.of(), List.of(), List.of(),
                zero)));
    }
}
