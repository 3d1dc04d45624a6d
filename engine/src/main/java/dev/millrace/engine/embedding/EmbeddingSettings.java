package dev.millrace.engine.embedding;

/**
 * Limits of an embedding engine.
 *
 * @param stepTokens     tokens that are computed together; a longer text has a step of its own
 * @param contextTokens  longest text
 * @param queuedRequests that wait or run; more are refused
 * @param queuedTokens   of their texts; more are refused
 */
public record EmbeddingSettings(int stepTokens, int contextTokens, int queuedRequests,
        int queuedTokens) {

    public EmbeddingSettings {
        requirePositive("stepTokens", stepTokens);
        requirePositive("contextTokens", contextTokens);
        requirePositive("queuedRequests", queuedRequests);
        requirePositive("queuedTokens", queuedTokens);
    }

    private static void requirePositive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be positive, got " + value);
        }
    }
}
