package dev.millrace.engine;

import java.util.Objects;

/**
 * The limits that an engine keeps.
 *
 * @param sequences      most sequences in one step
 * @param stepTokens     most tokens in one step, so that no step takes long; at least
 *                       {@code sequences}
 * @param contextTokens  longest sequence, prompt and completion together
 * @param queuedRequests most requests that wait for their first step
 * @param queuedTokens   most prompt tokens of the waiting requests together
 * @param prefixReuse    whether requests share the cache of equal beginnings
 * @param speculation    how far tokens are guessed ahead
 */
public record EngineSettings(int sequences, int stepTokens, int contextTokens, int queuedRequests,
        int queuedTokens, boolean prefixReuse, Speculation speculation) {

    /** Without guessing ahead. */
    public EngineSettings(int sequences, int stepTokens, int contextTokens, int queuedRequests,
            int queuedTokens, boolean prefixReuse) {
        this(sequences, stepTokens, contextTokens, queuedRequests, queuedTokens, prefixReuse,
                Speculation.OFF);
    }

    public EngineSettings {
        Objects.requireNonNull(speculation, "speculation");
        requirePositive("sequences", sequences);
        requirePositive("stepTokens", stepTokens);
        requirePositive("contextTokens", contextTokens);
        requirePositive("queuedRequests", queuedRequests);
        requirePositive("queuedTokens", queuedTokens);
        if (stepTokens < sequences) {
            throw new IllegalArgumentException("a step of " + stepTokens
                    + " tokens cannot serve " + sequences + " sequences, one token each");
        }
    }

    private static void requirePositive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, got " + value);
        }
    }
}
