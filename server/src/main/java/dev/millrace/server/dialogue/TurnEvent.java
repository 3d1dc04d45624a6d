package dev.millrace.server.dialogue;

/** A piece of a model's turn, in the order in which the model said it. */
public sealed interface TurnEvent {

    /** Of what it thinks before it answers. */
    record Thought(String text) implements TurnEvent {}

    /** Of what it says. */
    record Content(String text) implements TurnEvent {}

    /**
     * A tool is called; its arguments follow.
     *
     * @param call counts the turn's calls from 0
     */
    record CallBegun(int call, String name) implements TurnEvent {}

    /** Of the JSON object of a call's arguments. */
    record Arguments(int call, String piece) implements TurnEvent {}

    /** The call is complete. One that a limit cuts off never is. */
    record CallEnded(int call) implements TurnEvent {}

    /**
     * What had begun as a call turned out to be none.
     *
     * @param text all of it as the model said it, which now counts as content
     */
    record CallBroken(int call, String text) implements TurnEvent {}
}
