package dev.millrace.engine;

/**
 * What a request's reader is shown beside the tokens themselves.
 *
 * @param stopsShown   whether the stop sequence or stop token that ends a completion is shown
 * @param specialShown whether tokens without text, such as those that control a chat, are shown by
 *                     their names
 * @param promptTop    the likeliest tokens to report at every position of the prompt, with the log
 *                     probability of the prompt's own; -1 for none of it
 */
public record ReplyOptions(boolean stopsShown, boolean specialShown, int promptTop) {

    public static final ReplyOptions DEFAULT = new ReplyOptions(false, false, -1);

    /** Whether the prompt's log probabilities are wanted. */
    public boolean wantsPrompt() {
        return promptTop >= 0;
    }
}
