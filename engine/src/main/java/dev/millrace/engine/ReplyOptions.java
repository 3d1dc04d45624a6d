package dev.millrace.engine;

/**
 * What a request's reader is shown beside the tokens themselves.
 *
 * @param stopsShown   whether the stop sequence or stop token that ends a completion is shown
 * @param specialShown whether tokens without text, such as those that control a chat, are shown by
 *                     their names
 * @param promptTop    the likeliest tokens to report at every position of the prompt, with the log
 *                     probability of the prompt's own; -1 for none of it
 * @param promptState  whether the model's state after the prompt is the whole answer: the request
 *                     ends with it, and no token is sampled
 */
public record ReplyOptions(boolean stopsShown, boolean specialShown, int promptTop,
        boolean promptState) {

    public static final ReplyOptions DEFAULT = new ReplyOptions(false, false, -1);

    /** The state after the prompt instead of a completion. */
    public static final ReplyOptions PROMPT_STATE = new ReplyOptions(false, false, -1, true);

    public ReplyOptions {
        if (promptState && promptTop >= 0) {
            throw new IllegalArgumentException("the log probabilities of a prompt whose state is"
                    + " the answer are not computed; ask for one of them");
        }
    }

    /** Of a completion. */
    public ReplyOptions(boolean stopsShown, boolean specialShown, int promptTop) {
        this(stopsShown, specialShown, promptTop, false);
    }

    /** Whether the prompt's log probabilities are wanted. */
    public boolean wantsPrompt() {
        return promptTop >= 0;
    }
}
