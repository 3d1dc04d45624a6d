package dev.millrace.engine;

/** One of several engines of one model, as whoever chooses among them sees it. */
public interface Replica extends Engine {

    /**
     * Tokens of the prompt that the cache holds, whole blocks of them. A hint: it may be otherwise
     * when the request runs.
     */
    int cachedTokens(GenerationRequest request);

    /** Whether a request with this very prompt, the same array, runs or waits here. */
    boolean hasPrompt(int[] prompt);

    /** Takes no new requests from now on; running ones go on. */
    void refuse();

    /** What a request of a tier would find. */
    EngineLoad load(ServiceTier tier);
}
