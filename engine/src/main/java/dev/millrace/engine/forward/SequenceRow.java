package dev.millrace.engine.forward;

import java.util.Objects;

/**
 * What one sequence wants of a step: {@code tokens} at positions {@code computedTokens ...}.
 *
 * <p>Arrays are borrowed until {@link ForwardPass#step} returns.
 *
 * @param tokens         ids to compute now, at least one
 * @param computedTokens positions that the cache already holds
 * @param blockTables    per layer group, the block of positions {@code i * blockTokens ...}; covers
 *                       every position up to the last of {@code tokens} and may be longer;
 *                       {@link #NO_BLOCK} where no token looks any more, being outside the window
 * @param adapterSlot    loaded LoRA adapter, or {@link #NO_ADAPTER}
 * @param output         what the step returns for this row
 * @param sampling       how to sample; null where {@code output} samples nothing
 */
public record SequenceRow(int[] tokens, int computedTokens, int[][] blockTables, int adapterSlot,
        OutputRequest output, SamplingRow sampling) {

    public static final int NO_ADAPTER = -1;
    public static final int NO_BLOCK = -1;

    public SequenceRow {
        Objects.requireNonNull(output, "output");
        if (tokens.length == 0) {
            throw new IllegalArgumentException("a row needs at least one token");
        }
        if (computedTokens < 0) {
            throw new IllegalArgumentException("computedTokens must not be negative: "
                    + computedTokens);
        }
        if (output.positions() > tokens.length) {
            throw new IllegalArgumentException("output for " + output.positions()
                    + " positions asked of a row of " + tokens.length + " tokens");
        }
        if (output.samples() && sampling == null) {
            throw new IllegalArgumentException("a row that samples needs sampling settings");
        }
    }
}
