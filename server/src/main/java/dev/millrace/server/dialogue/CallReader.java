package dev.millrace.server.dialogue;

import java.util.function.Consumer;

/**
 * Finds calls of tools in a text, whose spelling others know. What looks like one and is none, also
 * a call of a tool that there is not, is content. A character is read twice at most, so the work is
 * linear.
 */
abstract class CallReader implements TurnParser {

    private enum Phase {
        /** Where a call may begin without any marker. */
        START,
        /** In content. */
        TEXT,
        /** In what is a call, or may be one. */
        CALL,
        /** After a call. */
        CLOSE
    }

    private final String close;
    private final MarkerSearch opening; // null where there is no marker
    private final StringBuilder held = new StringBuilder(); // may belong to the opening marker
    private final StringBuilder space = new StringBuilder(); // after which a call may begin
    private final StringBuilder content = new StringBuilder(); // certain and not told yet
    private final StringBuilder raw = new StringBuilder(); // of what may be a call
    private final StringBuilder piece = new StringBuilder(); // arguments not told yet
    private Phase phase;
    private boolean begun; // whether the call has been told of
    private boolean complete; // whether a call or what is around it has just ended
    private int calls;
    private Consumer<TurnEvent> events;

    /**
     * @param open  what calls begin with anywhere in a text; empty where there is nothing
     * @param close what may follow them and belongs to them; may be empty
     * @param bare  whether a text may begin with a call without any marker
     */
    CallReader(String open, String close, boolean bare) {
        this.close = close;
        opening = open.isEmpty() ? null : new MarkerSearch(open);
        phase = bare ? Phase.START : Phase.TEXT;
    }

    /** A reader of a format, but for harmony's, whose calls are messages. */
    static CallReader of(ToolFormat format, ToolUse use) {
        return switch (format) {
            case QWEN_XML -> new MarkupCallParser(format, use.tools());
            case PYTHONIC -> new PythonCallParser(format, use.names());
            case DEEPSEEK, DEEPSEEK_V31 -> new TaggedCallParser(format, use.names());
            default -> new CallParser(format, use.names());
        };
    }

    /** Whether a call may begin with this, where none needs a marker; if so it has been read. */
    abstract boolean begins(char character);

    /** The marker has been read. */
    abstract void opened();

    /**
     * Reads the next character of what may be a call.
     *
     * @return false if it cannot belong to one; then it has not been read
     */
    abstract boolean goesOn(char character);

    /** Whether this may stand between two calls without a marker, besides white space. */
    abstract boolean separates(char character);

    /** Whether calls have ended and what is around them has not. */
    abstract boolean isBetweenCalls();

    /** Tells which tool is called. */
    final void begin(String name) {
        space.setLength(0);
        tellContent();
        events.accept(new TurnEvent.CallBegun(calls, name));
        begun = true;
    }

    /** Tells of a character of the arguments' JSON. */
    final void argument(char character) {
        piece.append(character);
    }

    /** Tells that the call is complete. */
    final void endCall() {
        tellPiece();
        events.accept(new TurnEvent.CallEnded(calls++));
        begun = false;
        complete = true;
    }

    /** What is around calls has ended; what closes it may follow. */
    final void leave() {
        complete = true;
        phase = Phase.CLOSE;
    }

    /** How many calls have ended. */
    final int calls() {
        return calls;
    }

    @Override
    public boolean thinking() {
        return false;
    }

    @Override
    public void accept(String text, Consumer<TurnEvent> sink) {
        events = sink;
        for (int i = 0; i < text.length(); i++) {
            take(text.charAt(i));
        }
        tellContent();
        tellPiece();
    }

    private void take(char character) {
        switch (phase) {
            case START -> start(character);
            case TEXT -> text(character);
            case CALL -> inCall(character);
            case CLOSE -> afterCall(character);
        }
    }

    private void start(char character) {
        phase = Phase.CALL;
        if (begins(character)) {
            raw.append(character);
        } else if (Character.isWhitespace(character)) {
            phase = Phase.START;
            space.append(character);
        } else {
            phase = Phase.TEXT;
            text(character);
        }
    }

    private void text(char character) {
        held.append(character);
        if (opening != null && opening.accept(character)) {
            raw.append(held);
            held.setLength(0);
            phase = Phase.CALL;
            opened();
            return;
        }
        int certain = held.length() - (opening == null ? 0 : opening.matched());
        for (int i = 0; i < certain; i++) {
            say(held.charAt(i));
        }
        held.delete(0, certain);
    }

    private void say(char character) {
        if (Character.isWhitespace(character)) {
            space.append(character);
        } else {
            content.append(space).append(character);
            space.setLength(0);
        }
    }

    private void inCall(char character) {
        if (!goesOn(character)) {
            breakOff();
            take(character);
        } else if (complete) {
            complete = false;
            raw.setLength(0);
        } else {
            raw.append(character);
        }
    }

    /** What was read as a call is none; the character that showed it has not been taken. */
    private void breakOff() {
        complete = false;
        phase = Phase.TEXT;
        if (begun) {
            tellPiece();
            begun = false;
            events.accept(new TurnEvent.CallBroken(calls++, raw.toString()));
        } else {
            content.append(space).append(raw);
            space.setLength(0);
        }
        raw.setLength(0);
    }

    /** The end of the format's marker, then more calls or text. */
    private void afterCall(char character) {
        if (raw.isEmpty() && (Character.isWhitespace(character) || separates(character))) {
            return;
        }
        if (raw.isEmpty() && begins(character)) {
            phase = Phase.CALL;
            raw.append(character);
        } else if (!close.isEmpty() && character == close.charAt(raw.length())) {
            raw.append(character);
            if (raw.length() == close.length()) {
                raw.setLength(0);
                phase = Phase.TEXT;
            }
        } else {
            String read = raw.toString();
            raw.setLength(0);
            phase = Phase.TEXT;
            read.chars().forEach(before -> text((char) before));
            take(character);
        }
    }

    private void tellContent() {
        if (!content.isEmpty()) {
            events.accept(new TurnEvent.Content(content.toString()));
            content.setLength(0);
        }
    }

    private void tellPiece() {
        if (begun && !piece.isEmpty()) {
            events.accept(new TurnEvent.Arguments(calls, piece.toString()));
        }
        piece.setLength(0);
    }

    @Override
    public void finish(Consumer<TurnEvent> sink) {
        events = sink;
        boolean between = phase == Phase.CLOSE || phase == Phase.CALL && calls > 0
                && isBetweenCalls();
        if (!between && !begun) {
            String left = raw.isEmpty() ? held.toString() : raw.toString();
            if (!left.isBlank()) {
                content.append(space).append(left);
            } else if (calls == 0) {
                content.append(space);
            }
        }
        tellContent();
    }
}
