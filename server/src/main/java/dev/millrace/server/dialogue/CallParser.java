package dev.millrace.server.dialogue;

import dev.millrace.server.dialogue.JsonScanner.Part;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Finds calls of tools in a text. What looks like one and is none, also a call of a tool that there
 * is not, is content. A character is read twice at most, so the work is linear.
 */
final class CallParser implements TurnParser {

    private static final String ARGS = "[ARGS]";
    private static final String CALL_ID = "[CALL_ID]";

    private enum Place {
        /** Where an object may be a call without any marker. */
        START,
        /** In content. */
        TEXT,
        /** After the marker. */
        OPENED,
        /** In an array, before a call. */
        LIST,
        /** In an array, after a call. */
        LISTED,
        /** In a call that is an object. */
        OBJECT,
        /** In the name before its arguments. */
        NAME,
        /** In a marker after a name or an id. */
        TAG,
        /** In the model's own id of a call. */
        ID,
        /** In the arguments after a name. */
        ARGUMENTS,
        /** After a call. */
        CLOSE
    }

    private final ToolFormat format;
    private final Set<String> names;
    private final MarkerSearch opening; // null where there is no marker
    private final StringBuilder held = new StringBuilder(); // may belong to the opening marker
    private final StringBuilder space = new StringBuilder(); // after which a call may begin
    private final StringBuilder content = new StringBuilder(); // certain and not told yet
    private final StringBuilder raw = new StringBuilder(); // of what may be a call
    private final StringBuilder word = new StringBuilder(); // a name or a tag
    private final StringBuilder piece = new StringBuilder(); // arguments not told yet
    private Place place;
    private boolean listing; // whether an array is open
    private CallObject object;
    private JsonScanner arguments;
    private String name;
    private boolean begun; // whether the call has been told of
    private boolean complete; // whether a call or an array has just ended
    private int calls;
    private Consumer<TurnEvent> events;

    /** @param names of the tools that may be called */
    CallParser(ToolFormat format, Set<String> names) {
        this.format = format;
        this.names = Set.copyOf(names);
        opening = format.open().isEmpty() ? null : new MarkerSearch(format.open());
        place = format.isBare() ? Place.START : Place.TEXT;
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
        switch (place) {
            case START -> start(character);
            case TEXT -> text(character);
            case CLOSE -> afterCall(character);
            default -> inCall(character);
        }
    }

    private void start(char character) {
        if (character == '{') {
            raw.append(character);
            beginObject(character);
        } else if (Character.isWhitespace(character)) {
            space.append(character);
        } else {
            place = Place.TEXT;
            text(character);
        }
    }

    private void text(char character) {
        held.append(character);
        if (opening != null && opening.accept(character)) {
            raw.append(held);
            held.setLength(0);
            place = Place.OPENED;
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

    /** @return false if the character cannot belong to a call */
    private boolean goesOn(char character) {
        boolean blank = Character.isWhitespace(character);
        return switch (place) {
            case OPENED -> blank || opened(character);
            case LIST -> blank || character == '{' && beginObject(character);
            case LISTED -> blank || listed(character);
            case OBJECT -> object(character);
            case NAME -> name(character);
            case TAG -> tag(character);
            case ID -> isName(character) || character == '[' && beginTag();
            case ARGUMENTS -> arguments(character);
            case START, TEXT, CLOSE -> throw new IllegalStateException("not in a call");
        };
    }

    private boolean opened(char character) {
        if (character == '{') {
            return beginObject(character);
        }
        if (character == '[') {
            listing = true;
            place = Place.LIST;
            return format.isList() || format == ToolFormat.MISTRAL_ARGS;
        }
        word.setLength(0);
        word.append(character);
        place = Place.NAME;
        return format.open().equals(ToolFormat.MISTRAL.open()) && isName(character);
    }

    private boolean listed(char character) {
        if (character == ',') {
            place = Place.LIST;
            return true;
        }
        listing = false;
        complete = true;
        place = Place.CLOSE;
        return character == ']';
    }

    private boolean beginObject(char character) {
        object = new CallObject(names, format.isBare(), new CallListener() {

            @Override
            public void begun(String called) {
                begin(called);
            }

            @Override
            public void argument(char argument) {
                piece.append(argument);
            }
        });
        place = Place.OBJECT;
        return object(character);
    }

    private boolean object(char character) {
        CallObject.State state = object.accept(character);
        if (state == CallObject.State.DONE) {
            endCall();
        }
        return state != CallObject.State.BROKEN;
    }

    private static boolean isName(char character) {
        return character >= 'a' && character <= 'z' || character >= 'A' && character <= 'Z'
                || character >= '0' && character <= '9' || character == '_' || character == '-';
    }

    private boolean name(char character) {
        if (isName(character)) {
            word.append(character);
            return true;
        }
        name = word.toString();
        return names.contains(name)
                && (character == '[' && beginTag() || character == '{' && beginArguments());
    }

    private boolean beginTag() {
        word.setLength(0);
        word.append('[');
        place = Place.TAG;
        return true;
    }

    private boolean tag(char character) {
        word.append(character);
        String tag = word.toString();
        if (tag.equals(ARGS)) {
            expectArguments();
        } else if (tag.equals(CALL_ID)) {
            place = Place.ID;
        }
        return ARGS.startsWith(tag) || CALL_ID.startsWith(tag);
    }

    private boolean beginArguments() {
        expectArguments();
        return arguments('{');
    }

    private void expectArguments() {
        begin(name);
        arguments = new JsonScanner();
        place = Place.ARGUMENTS;
    }

    private boolean arguments(char character) {
        Part part = arguments.accept(character);
        if (part == Part.WRONG) {
            return false;
        }
        piece.append(character);
        if (part == Part.END) {
            endCall();
        }
        return true;
    }

    private void begin(String called) {
        space.setLength(0);
        tellContent();
        events.accept(new TurnEvent.CallBegun(calls, called));
        begun = true;
    }

    private void endCall() {
        tellPiece();
        events.accept(new TurnEvent.CallEnded(calls++));
        begun = false;
        complete = true;
        place = listing ? Place.LISTED : Place.CLOSE;
    }

    /** What was read as a call is none; the character that showed it has not been taken. */
    private void breakOff() {
        listing = false;
        complete = false;
        place = Place.TEXT;
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
        String close = format.close();
        if (raw.isEmpty() && Character.isWhitespace(character)
                || raw.isEmpty() && format.isBare() && (character == ';' || character == ',')) {
            return;
        }
        if (format.isBare() && character == '{') {
            place = Place.START;
            start(character);
        } else if (!close.isEmpty() && character == close.charAt(raw.length())) {
            raw.append(character);
            if (raw.length() == close.length()) {
                raw.setLength(0);
                place = Place.TEXT;
            }
        } else {
            String read = raw.toString();
            raw.setLength(0);
            place = Place.TEXT;
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
        boolean between = place == Place.CLOSE || calls > 0
                && (place == Place.LIST || place == Place.LISTED);
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
