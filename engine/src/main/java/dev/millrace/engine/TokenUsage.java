package dev.millrace.engine;

/**
 * Tokens of one request.
 *
 * @param promptTokens     the whole prompt
 * @param cachedTokens     of these, taken from the prefix cache
 * @param completionTokens sampled, the end token included where one was sampled
 * @param acceptedDrafts   of these, guessed ahead
 * @param rejectedDrafts   guessed ahead and computed, but not what the model said
 */
public record TokenUsage(int promptTokens, int cachedTokens, int completionTokens,
        int acceptedDrafts, int rejectedDrafts) {

    /** Of a request for which nothing was guessed. */
    public TokenUsage(int promptTokens, int cachedTokens, int completionTokens) {
        this(promptTokens, cachedTokens, completionTokens, 0, 0);
    }

    public int totalTokens() {
        return promptTokens + completionTokens;
    }
}
