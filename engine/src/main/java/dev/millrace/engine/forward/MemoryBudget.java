package dev.millrace.engine.forward;

/**
 * How much memory a forward pass may take.
 *
 * @param totalBytes    packed weights, cache and buffers together
 * @param contextTokens longest sequence that must fit
 * @param sequences     most rows in one step
 * @param stepTokens    most tokens in one step
 */
public record MemoryBudget(long totalBytes, int contextTokens, int sequences, int stepTokens) {

    public MemoryBudget {
        if (totalBytes <= 0 || contextTokens <= 0 || sequences <= 0 || stepTokens <= 0) {
            throw new IllegalArgumentException("every limit must be positive: " + totalBytes
                    + " bytes, " + contextTokens + " context tokens, " + sequences + " sequences, "
                    + stepTokens + " tokens in a step");
        }
        if (stepTokens < sequences) {
            throw new IllegalArgumentException("a step of " + stepTokens
                    + " tokens cannot serve " + sequences + " sequences, one token each");
        }
    }
}
