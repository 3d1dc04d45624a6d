package dev.millrace.server.openai.completion;

import dev.millrace.engine.ReplyOptions;

/**
 * What of the generations is shown, and how.
 *
 * @param reply          what the engine reports beside the tokens
 * @param candidates     generations per prompt, of which the likeliest are shown
 * @param tokensAsIds    whether log probabilities spell tokens as {@code token_id:5}
 * @param promptLogprobs whether the answer has the prompt's log probabilities by themselves
 * @param echo           whether completions begin with their prompts
 */
public record AnswerOptions(ReplyOptions reply, int candidates, boolean tokensAsIds,
        boolean promptLogprobs, boolean echo) {

    /** What the engine reports of one of a prompt's generations: its prompt, of the first only. */
    ReplyOptions replyOf(int candidate) {
        return candidate == 0
                ? reply
                : new ReplyOptions(reply.stopsShown(), reply.specialShown(), -1);
    }
}
