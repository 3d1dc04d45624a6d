package dev.millrace.server.dialogue;

import java.util.HashSet;
import java.util.Set;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads a text that is a list of calls in Python's words, {@code [f(a=1), g()]}, and gives their
 * arguments as JSON.
 */
final class PythonCallParser extends CallReader {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int NAME_CHARACTERS = 256;

    private enum Place {
        /** Before a call. */
        LIST,
        /** After a call. */
        LISTED,
        /** In a tool's name. */
        NAME,
        /** Before an argument. */
        ARGUMENTS,
        /** In an argument's name. */
        ARGUMENT,
        /** In its value. */
        VALUE,
        /** After an argument. */
        AFTER
    }

    private final Set<String> names;
    private final StringBuilder word = new StringBuilder(); // a name
    private final Set<String> given = new HashSet<>(); // arguments of this call
    private Place place = Place.LIST;
    private PythonLiteral value;

    /** @param names of the tools that may be called */
    PythonCallParser(ToolFormat format, Set<String> names) {
        super(format.open(), format.close(), format.isBare());
        this.names = Set.copyOf(names);
    }

    @Override
    boolean begins(char character) {
        place = Place.LIST;
        return character == '[' && calls() == 0;
    }

    @Override
    boolean separates(char character) {
        return false;
    }

    @Override
    void opened() {
        throw new IllegalStateException("there is no marker");
    }

    @Override
    boolean isBetweenCalls() {
        return place == Place.LISTED || place == Place.LIST;
    }

    @Override
    boolean goesOn(char character) {
        boolean blank = Character.isWhitespace(character);
        return switch (place) {
            case LIST -> blank || beginName(character, Place.NAME);
            case LISTED -> blank || listed(character);
            case NAME -> name(character);
            case ARGUMENTS -> blank || character == ')' && end()
                    || beginName(character, Place.ARGUMENT);
            case ARGUMENT -> argumentName(character);
            case VALUE -> value(character);
            case AFTER -> blank || after(character);
        };
    }

    private boolean beginName(char character, Place next) {
        word.setLength(0);
        word.append(character);
        place = next;
        return CallParser.isName(character);
    }

    private boolean listed(char character) {
        if (character == ']') {
            leave();
            return true;
        }
        place = Place.LIST;
        return character == ',';
    }

    private boolean name(char character) {
        if (CallParser.isName(character)) {
            word.append(character);
            return word.length() <= NAME_CHARACTERS;
        }
        String name = word.toString();
        if (character != '(' || !names.contains(name)) {
            return false;
        }
        given.clear();
        begin(name);
        argument('{');
        place = Place.ARGUMENTS;
        return true;
    }

    private boolean argumentName(char character) {
        if (character != '=') {
            word.append(character);
            return CallParser.isName(character) && word.length() <= NAME_CHARACTERS;
        }
        String name = word.toString();
        boolean again = !given.add(name);
        tell((given.size() == 1 ? "" : ", ") + JSON.writeValueAsString(name) + ": ");
        value = new PythonLiteral(json -> argument((char) json));
        place = Place.VALUE;
        return !again;
    }

    private boolean value(char character) {
        return switch (value.accept(character)) {
            case INSIDE -> true;
            case LAST -> {
                place = Place.AFTER;
                yield true;
            }
            case AFTER -> {
                place = Place.AFTER;
                yield goesOn(character);
            }
            case WRONG -> false;
        };
    }

    private boolean after(char character) {
        place = Place.ARGUMENTS;
        return character == ',' || character == ')' && end();
    }

    private boolean end() {
        argument('}');
        endCall();
        place = Place.LISTED;
        return true;
    }

    private void tell(String json) {
        json.chars().forEach(character -> argument((char) character));
    }
}
