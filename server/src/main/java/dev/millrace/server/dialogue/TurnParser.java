package dev.millrace.server.dialogue;

import java.util.function.Consumer;

/**
 * Takes a model's text apart as it comes. Where the text is cut into pieces makes no difference to
 * what is said in all, and no text is lost: what is not well-formed is content. Only white space
 * around thoughts and calls, which their formats put there, is left out. For one turn.
 */
public interface TurnParser {

    /** Takes the next piece and tells what is certain now. */
    void accept(String text, Consumer<TurnEvent> events);

    /** The text has ended: tells what was held back. */
    void finish(Consumer<TurnEvent> events);

    /** Whether the model is in the middle of a thought. */
    boolean thinking();

    /** A parser to which everything is content. */
    static TurnParser plain() {
        return new TurnParser() {

            @Override
            public void accept(String text, Consumer<TurnEvent> events) {
                if (!text.isEmpty()) {
                    events.accept(new TurnEvent.Content(text));
                }
            }

            @Override
            public void finish(Consumer<TurnEvent> events) {
                // Nothing was held back.
            }

            @Override
            public boolean thinking() {
                return false;
            }
        };
    }
}
