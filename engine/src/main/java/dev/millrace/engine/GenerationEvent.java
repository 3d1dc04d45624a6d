package dev.millrace.engine;

import dev.millrace.engine.forward.StepResult.TopTokens;

/** What a generation tells its reader, in order: tokens, then exactly one {@link Finished}. */
public sealed interface GenerationEvent {

    /**
     * A sampled token that the stop matcher has released.
     *
     * @param token   its id
     * @param text    the bytes to show for it: the token's, less what a stop sequence cut off
     * @param logprob natural log probability; NaN where not asked for
     * @param top     the likeliest alternatives, or null where not asked for
     * @param sampledNanos when it was sampled, on the engine's clock; all that a step verified of
     *                     what was guessed have the same
     */
    record Token(int token, byte[] text, float logprob, TopTokens top, long sampledNanos)
            implements
                GenerationEvent {

        /** A token whose time does not matter. */
        public Token(int token, byte[] text, float logprob, TopTokens top) {
            this(token, text, logprob, top, 0);
        }
    }

    /**
     * The end.
     *
     * @param stopSequence which stop sequence matched, as text, or null
     * @param error        what went wrong, for the client's eyes, if the reason is FAILED; or null
     */
    record Finished(FinishReason reason, TokenUsage usage, RequestTimings timings,
            String stopSequence, String error) implements GenerationEvent {}
}
