package dev.millrace.server.dialogue;

import dev.millrace.server.dialogue.JsonScanner.Part;
import java.util.Set;

/** Reads calls that are objects of JSON, or names with such objects as their arguments. */
final class CallParser extends CallReader {

    private static final String ARGS = "[ARGS]";
    private static final String CALL_ID = "[CALL_ID]";

    private enum Place {
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
        ARGUMENTS
    }

    private final ToolFormat format;
    private final Set<String> names;
    private final StringBuilder word = new StringBuilder(); // a name or a tag
    private Place place = Place.OPENED;
    private boolean listing; // whether an array is open
    private CallObject object;
    private JsonScanner arguments;
    private String name;

    /** @param names of the tools that may be called */
    CallParser(ToolFormat format, Set<String> names) {
        super(format.open(), format.close(), format.isBare());
        this.format = format;
        this.names = Set.copyOf(names);
    }

    @Override
    boolean begins(char character) {
        return format.isBare() && character == '{' && beginObject(character);
    }

    @Override
    boolean separates(char character) {
        return format.isBare() && (character == ';' || character == ',');
    }

    @Override
    void opened() {
        listing = false;
        place = Place.OPENED;
    }

    @Override
    boolean isBetweenCalls() {
        return place == Place.LIST || place == Place.LISTED;
    }

    @Override
    boolean goesOn(char character) {
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
        if (character == ']') {
            leave();
            return true;
        }
        return false;
    }

    private boolean beginObject(char character) {
        object = new CallObject(names, format.isBare(), new CallListener() {

            @Override
            public void begun(String called) {
                begin(called);
            }

            @Override
            public void argument(char argument) {
                CallParser.this.argument(argument);
            }
        });
        place = Place.OBJECT;
        return object(character);
    }

    private boolean object(char character) {
        CallObject.State state = object.accept(character);
        if (state == CallObject.State.DONE) {
            end();
        }
        return state != CallObject.State.BROKEN;
    }

    static boolean isName(char character) {
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
        argument(character);
        if (part == Part.END) {
            end();
        }
        return true;
    }

    private void end() {
        endCall();
        if (listing) {
            place = Place.LISTED;
        } else {
            leave();
        }
    }
}
