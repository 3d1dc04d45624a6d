package dev.millrace.engine;

/**
 * Tokens of one request.
 *
 * @param promptTokens     the whole prompt
 * @param cachedTokens     of these, taken from the prefix cache
 * @param completionTokens sampled, the end token included where one was sampled
 */
public record TokenUsage(int promptTokens, int cachedTokens, int completionTokens) {

    public int totalTokens() {
        return promptTokens + completionTokens;
    }
}
