package dev.millrace.engine;

/** Refuses requests that could never run, with both counts, and limits the length of others. */
final class RequestRules {

    private final int vocabularySize;
    private final int contextTokens;
    private final int cachePositions;

    RequestRules(int vocabularySize, int contextTokens, int cachePositions) {
        this.vocabularySize = vocabularySize;
        this.contextTokens = contextTokens;
        this.cachePositions = cachePositions;
    }

    /**
     * The most tokens, prompt and completion together, that a request can have.
     *
     * @throws IllegalArgumentException if it can never run
     */
    int tokenLimit(GenerationRequest request) {
        requireTokens("prompt", request.prompt());
        requireTokens("stop", request.stopTokens());
        TokenRules rules = request.sampling().tokens();
        rules.logitBias().keySet().forEach(token -> requireToken("logit bias", token));
        rules.allowed().forEach(token -> requireToken("allowed", token));
        rules.banned().forEach(tokens -> requireTokens("banned", tokens));
        if (request.topLogprobs() < -1 || request.topLogprobs() > vocabularySize) {
            throw new IllegalArgumentException("topLogprobs must be from -1 to " + vocabularySize
                    + ", got " + request.topLogprobs());
        }
        if (request.reply().promptTop() < -1 || request.reply().promptTop() > vocabularySize) {
            throw new IllegalArgumentException("promptTop must be from -1 to " + vocabularySize
                    + ", got " + request.reply().promptTop());
        }
        if (request.constraint() != null
                && request.constraint().vocabularySize() != vocabularySize) {
            throw new IllegalArgumentException("the constraint was compiled for a vocabulary of "
                    + request.constraint().vocabularySize() + " tokens, this model has "
                    + vocabularySize);
        }
        int prompt = request.prompt().length;
        boolean answered = !request.reply().promptState();
        if (!answered && prompt > contextTokens) {
            throw new IllegalArgumentException("the text has " + prompt + " tokens, but the"
                    + " context is " + contextTokens + "; cut it into pieces");
        }
        if (answered && prompt >= contextTokens) {
            throw new IllegalArgumentException("the prompt has " + prompt + " tokens and leaves no"
                    + " room for an answer: the context is " + contextTokens + " tokens");
        }
        if (prompt > cachePositions) {
            throw new IllegalArgumentException("the prompt has " + prompt + " tokens, but the cache"
                    + " holds " + cachePositions + "; give the server more memory");
        }
        if (!answered) {
            return prompt;
        }
        // The last token is sampled but never computed, so it needs no place in the cache.
        long limit = Math.min(contextTokens, cachePositions + 1L);
        return (int) Math.min(limit, (long) prompt + request.maxTokens());
    }

    private void requireTokens(String kind, int[] tokens) {
        for (int token : tokens) {
            requireToken(kind, token);
        }
    }

    private void requireToken(String kind, int token) {
        if (token < 0 || token >= vocabularySize) {
            throw new IllegalArgumentException("a " + kind + " token must be from 0 to "
                    + (vocabularySize - 1) + ", got " + token);
        }
    }
}
