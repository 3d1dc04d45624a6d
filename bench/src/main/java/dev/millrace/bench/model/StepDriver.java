package dev.millrace.bench.model;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Steps a forward pass by hand, without an engine: every sequence owns a run of blocks, and all are
 * equally long.
 */
final class StepDriver {

    /** Computed honestly when a cache is filled; the rest are copies, which read as fast. */
    private static final int FILLED_TOKENS = 512;
    private static final long TOKEN_SEED = 1;

    private final ForwardPass pass;
    private final CacheGeometry geometry;
    private final int stepTokens;
    private final int vocabularySize;
    private final int[][][] blockTables; // (sequence, layer group, block)
    private final int[] lastTokens;
    private int computedTokens;
    private int filledTokens;

    /**
     * Drives empty sequences.
     *
     * @param contextTokens most positions of each
     * @param stepTokens    most tokens in one step
     * @throws IllegalArgumentException if the cache cannot hold them
     */
    StepDriver(ForwardPass pass, int sequences, int contextTokens, int stepTokens,
            int vocabularySize) {
        this.pass = pass;
        this.geometry = pass.cacheGeometry();
        this.stepTokens = stepTokens;
        this.vocabularySize = vocabularySize;
        this.lastTokens = new int[sequences];
        blockTables = new int[sequences][][];
        for (int sequence = sequences - 1; sequence >= 0; sequence--) {
            blockTables[sequence] = geometry.ownTables(sequence, contextTokens, stepTokens);
        }
    }

    /**
     * Goes to where every sequence holds so many positions. What is missing is filled in: the start
     * is computed and then copied from block to block, because a cache reads as fast whatever it
     * holds.
     */
    void seek(int depthTokens) {
        computedTokens = 0;
        if (depthTokens > filledTokens) {
            int source = Math.min(depthTokens, FILLED_TOKENS);
            read(source, 1, OutputRequest.NONE);
            copyBlocks(geometry.blocksFor(source), geometry.blocksFor(depthTokens));
            filledTokens = depthTokens;
        }
        computedTokens = depthTokens;
    }

    /** Copies the first blocks of the first sequence over the blocks of all. */
    private void copyBlocks(int sources, int blocks) {
        List<Move> moves = new ArrayList<>();
        for (int[][] tables : blockTables) {
            for (int group = 0; group < tables.length; group++) {
                for (int i = 0; i < blocks; i++) {
                    int from = blockTables[0][group][i % sources];
                    if (tables[group][i] != from) {
                        moves.add(new Move(group, from, tables[group][i]));
                    }
                }
            }
        }
        pass.step(new StepBatch(List.of(), new BlockOperations(List.of(), List.of(), moves,
                List.of())));
    }

    /** Every sequence reads a prompt; its last position gives a token. */
    void prefill(int tokens) {
        read(tokens, blockTables.length, OutputRequest.SAMPLE_LAST);
        computedTokens += tokens;
        filledTokens = Math.max(filledTokens, computedTokens);
    }

    /** The first sequence reads a prompt, and the others take over what it computed. */
    void prefillShared(int tokens) {
        read(tokens, 1, OutputRequest.SAMPLE_LAST);
        computedTokens += tokens;
        filledTokens = Math.max(filledTokens, computedTokens);
        int blocks = geometry.blocksFor(computedTokens);
        copyBlocks(blocks, blocks);
    }

    /** Steps of as many tokens as fit, sequence after sequence, each row a piece of one. */
    private void read(int tokens, int sequences, OutputRequest lastOutput) {
        SplittableRandom random = new SplittableRandom(TOKEN_SEED);
        List<SequenceRow> rows = new ArrayList<>();
        int room = stepTokens;
        for (int sequence = 0; sequence < sequences; sequence++) {
            for (int done = 0; done < tokens;) {
                int count = Math.min(room, tokens - done);
                boolean last = done + count == tokens;
                int[] ids = random.ints(count, 0, vocabularySize).toArray();
                rows.add(row(sequence, ids, computedTokens + done,
                        last ? lastOutput : OutputRequest.NONE));
                done += count;
                room -= count;
                if (room == 0) {
                    step(rows, sequence - rows.size() + 1);
                    rows.clear();
                    room = stepTokens;
                }
            }
        }
        if (!rows.isEmpty()) {
            step(rows, sequences - rows.size());
        }
    }

    /** Computes one more token of every sequence: the one sampled last. */
    void decode() {
        List<SequenceRow> rows = new ArrayList<>(blockTables.length);
        for (int sequence = 0; sequence < blockTables.length; sequence++) {
            rows.add(row(sequence, new int[]{lastTokens[sequence]}, computedTokens,
                    OutputRequest.SAMPLE_LAST));
        }
        step(rows, 0);
        computedTokens++;
        filledTokens = Math.max(filledTokens, computedTokens);
    }

    private SequenceRow row(int sequence, int[] tokens, int position, OutputRequest output) {
        return new SequenceRow(tokens, position, blockTables[sequence], SequenceRow.NO_ADAPTER,
                output, output.samples() ? SamplingRow.GREEDY : null);
    }

    /** @param firstSequence the sequence of the first row; the others follow it */
    private void step(List<SequenceRow> rows, int firstSequence) {
        StepResult result = pass.step(new StepBatch(rows, BlockOperations.NONE));
        for (int i = 0; i < rows.size(); i++) {
            int[] tokens = result.rows().get(i).tokens();
            if (tokens.length > 0) {
                lastTokens[firstSequence + i] = tokens[0];
            }
        }
    }
}
