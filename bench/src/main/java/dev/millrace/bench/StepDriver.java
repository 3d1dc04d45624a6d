package dev.millrace.bench;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import java.util.ArrayList;
import java.util.List;

/** Steps a forward pass by hand, without an engine: every sequence owns a run of blocks. */
final class StepDriver {

    private final ForwardPass pass;
    private final int sequences;
    private final int[][][] blockTables; // (sequence, layer group, block)
    private final int[] lastTokens;
    private int computedTokens;

    StepDriver(ForwardPass pass, int sequences, int contextTokens) {
        this.pass = pass;
        this.sequences = sequences;
        this.lastTokens = new int[sequences];
        CacheGeometry geometry = pass.cacheGeometry();
        int blocks = geometry.blocksFor(contextTokens);
        blockTables = new int[sequences][geometry.groups().size()][blocks];
        for (int sequence = 0; sequence < sequences; sequence++) {
            for (int[] table : blockTables[sequence]) {
                for (int i = 0; i < blocks; i++) {
                    table[i] = sequence * blocks + i;
                }
            }
        }
    }

    /** Starts over: the next tokens are the first of their sequences. */
    void reset() {
        computedTokens = 0;
    }

    /** Computes the same tokens for every sequence in one step. */
    void prefill(int[] tokens) {
        List<SequenceRow> rows = new ArrayList<>();
        for (int sequence = 0; sequence < sequences; sequence++) {
            rows.add(row(sequence, tokens));
        }
        step(rows, tokens.length);
    }

    /** Computes one more token of every sequence: the one sampled last. */
    void decode() {
        List<SequenceRow> rows = new ArrayList<>();
        for (int sequence = 0; sequence < sequences; sequence++) {
            rows.add(row(sequence, new int[]{lastTokens[sequence]}));
        }
        step(rows, 1);
    }

    private SequenceRow row(int sequence, int[] tokens) {
        return new SequenceRow(tokens, computedTokens, blockTables[sequence],
                SequenceRow.NO_ADAPTER, OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY);
    }

    private void step(List<SequenceRow> rows, int tokensPerRow) {
        StepResult result = pass.step(new StepBatch(rows, BlockOperations.NONE));
        computedTokens += tokensPerRow;
        for (int sequence = 0; sequence < sequences; sequence++) {
            lastTokens[sequence] = result.rows().get(sequence).tokens()[0];
        }
    }
}
