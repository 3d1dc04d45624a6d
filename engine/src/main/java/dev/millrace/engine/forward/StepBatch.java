package dev.millrace.engine.forward;

import java.util.List;

/**
 * Everything one step does: first the block operations, then every row.
 *
 * @param rows   one per sequence; no sequence appears twice
 * @param blocks cache housekeeping, done before any row is computed
 */
public record StepBatch(List<SequenceRow> rows, BlockOperations blocks) {

    public StepBatch {
        rows = List.copyOf(rows);
    }

    /** Tokens that the step computes. */
    public int tokens() {
        int tokens = 0;
        for (SequenceRow row : rows) {
            tokens += row.tokens().length;
        }
        return tokens;
    }
}
