package dev.millrace.server.openai;

import dev.millrace.engine.ReplyOptions;

/**
 * What of the generations is shown, and how.
 *
 * @param reply       what the engine reports beside the tokens
 * @param candidates  generations per prompt, of which the likeliest are shown
 * @param tokensAsIds whether log probabilities spell tokens as {@code token_id:5}
 */
record AnswerOptions(ReplyOptions reply, int candidates, boolean tokensAsIds) {}
