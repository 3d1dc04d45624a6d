package dev.millrace.server.dialogue;

import dev.millrace.server.dialogue.JsonScanner.Part;
import java.util.Set;

/**
 * Reads DeepSeek's calls: a list between tags, in it calls between tags, each a name and an object
 * of JSON. In the older form a type stands before the name and a fence around the object.
 */
final class TaggedCallParser extends CallReader {

    static final String CALL = "<｜tool▁call▁begin｜>";
    static final String CALL_END = "<｜tool▁call▁end｜>";
    static final String SEPARATOR = "<｜tool▁sep｜>";
    static final String TYPE = "function" + SEPARATOR;
    static final String FENCE = "```json";
    static final String FENCE_END = "```";

    private enum Place {
        /** Between calls. */
        LIST,
        /** In the type. */
        TYPE,
        /** In the name. */
        NAME,
        /** In what parts the name from its arguments. */
        SEPARATOR,
        /** Before the arguments, perhaps in what opens the fence. */
        BEFORE,
        /** In the arguments. */
        ARGUMENTS,
        /** After them, perhaps in what closes the fence. */
        AFTER,
        /** In the tag that ends the call. */
        END
    }

    private final Set<String> names;
    private final boolean typed;
    private final String listEnd;
    private final StringBuilder word = new StringBuilder(); // a tag or a name
    private Place place = Place.LIST;
    private JsonScanner arguments;
    private boolean fenced; // whether a fence around them is open

    /** @param names of the tools that may be called */
    TaggedCallParser(ToolFormat format, Set<String> names) {
        super(format.open(), "", false);
        this.names = Set.copyOf(names);
        typed = format == ToolFormat.DEEPSEEK;
        listEnd = format.close();
    }

    @Override
    boolean begins(char character) {
        return false;
    }

    @Override
    boolean separates(char character) {
        return false;
    }

    @Override
    boolean isBetweenCalls() {
        return place == Place.LIST && word.isEmpty();
    }

    @Override
    void opened() {
        go(Place.LIST);
    }

    @Override
    boolean goesOn(char character) {
        boolean blank = word.isEmpty() && Character.isWhitespace(character);
        return switch (place) {
            case LIST -> blank || list(character);
            case TYPE -> tag(character, TYPE, Place.NAME);
            case NAME -> name(character);
            case SEPARATOR -> tag(character, SEPARATOR, Place.BEFORE);
            case BEFORE -> blank || before(character);
            case ARGUMENTS -> arguments(character);
            case AFTER -> blank || (fenced ? tag(character, FENCE_END, Place.END) : end(character));
            case END -> blank || end(character);
        };
    }

    private void go(Place next) {
        word.setLength(0);
        place = next;
    }

    /** Reads a tag, or its beginning. */
    private boolean tag(char character, String tag, Place next) {
        word.append(character);
        boolean right = tag.startsWith(word.toString());
        if (word.length() == tag.length()) {
            go(next);
        }
        return right;
    }

    private boolean list(char character) {
        word.append(character);
        String read = word.toString();
        if (read.equals(CALL)) {
            go(typed ? Place.TYPE : Place.NAME);
        } else if (calls() > 0 && read.equals(listEnd)) {
            word.setLength(0);
            leave();
        }
        return CALL.startsWith(read) || calls() > 0 && listEnd.startsWith(read);
    }

    private boolean name(char character) {
        if (CallParser.isName(character)) {
            word.append(character);
            return true;
        }
        String name = word.toString();
        if (!names.contains(name)) {
            return false;
        }
        begin(name);
        fenced = false;
        go(typed ? Place.BEFORE : Place.SEPARATOR);
        return goesOn(character);
    }

    private boolean before(char character) {
        if (word.isEmpty() && character == '{') {
            arguments = new JsonScanner();
            place = Place.ARGUMENTS;
            return arguments(character);
        }
        boolean right = typed && !fenced && tag(character, FENCE, Place.BEFORE);
        fenced = right && word.isEmpty();
        return right;
    }

    private boolean arguments(char character) {
        Part part = arguments.accept(character);
        if (part == Part.WRONG) {
            return false;
        }
        argument(character);
        if (part == Part.END) {
            go(Place.AFTER);
        }
        return true;
    }

    private boolean end(char character) {
        boolean right = tag(character, CALL_END, Place.LIST);
        if (right && place == Place.LIST) {
            endCall();
        }
        return right;
    }
}
