package dev.millrace.server.dialogue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** A turn as it grows from its events. */
public final class Turn {

    private final Supplier<String> ids;
    private final StringBuilder thought = new StringBuilder();
    private final StringBuilder content = new StringBuilder();
    private final List<Call> calls = new ArrayList<>(); // null: none after all
    private boolean called;

    /** @param ids of calls, each new */
    public Turn(Supplier<String> ids) {
        this.ids = ids;
    }

    /** A call of a tool; its arguments grow. */
    public record Call(String id, String name, StringBuilder arguments) {}

    /** Takes an event. */
    public void add(TurnEvent event) {
        switch (event) {
            case TurnEvent.Thought piece -> thought.append(piece.text());
            case TurnEvent.Content piece -> content.append(piece.text());
            case TurnEvent.CallBegun begun -> calls.add(new Call(ids.get(), begun.name(),
                    new StringBuilder()));
            case TurnEvent.Arguments more -> call(more.call()).arguments().append(more.piece());
            case TurnEvent.CallEnded _ -> called = true;
            case TurnEvent.CallBroken broken -> {
                calls.set(broken.call(), null);
                content.append(broken.text());
            }
        }
    }

    /** The call of this number in the events. */
    public Call call(int number) {
        return calls.get(number);
    }

    /** What the model thought; may be empty. */
    public String thought() {
        return thought.toString();
    }

    /** What it said; may be empty. */
    public String content() {
        return content.toString();
    }

    /** What it called, the last perhaps cut short by a limit. */
    public List<Call> calls() {
        return calls.stream().filter(call -> call != null).toList();
    }

    /** Whether it has called a tool, completely. */
    public boolean called() {
        return called;
    }
}
