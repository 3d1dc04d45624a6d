package dev.millrace.server.dialogue;

import dev.millrace.server.dialogue.JsonScanner.Part;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads a call that is spelled as an object, {@code {"name": ..., "arguments": {...}}}, in either
 * order. Arguments may be called {@code parameters} and may be an object within a string, as some
 * models spell them. Anything else is no call.
 */
final class CallObject {

    private static final JsonMapper JSON = new JsonMapper();
    private static final Set<String> ARGUMENTS = Set.of("arguments", "parameters");
    private static final Set<String> IGNORED = Set.of("id", "type");

    /** How far it is. */
    enum State {
        OPEN,
        DONE,
        BROKEN
    }

    private final Set<String> names;
    private final boolean nameFirst;
    private final CallListener listener;
    private final JsonScanner scanner = new JsonScanner();
    private final StringBuilder key = new StringBuilder();
    private final StringBuilder value = new StringBuilder(); // of members that are read whole
    private String member; // whose value comes; null between members
    private String name;
    private boolean hasArguments;
    private boolean begun;
    private String early; // arguments that came before the name

    /**
     * @param names     of the tools that there are
     * @param nameFirst whether the name must be the first member
     */
    CallObject(Set<String> names, boolean nameFirst, CallListener listener) {
        this.names = names;
        this.nameFirst = nameFirst;
        this.listener = listener;
    }

    /** Whether the listener has been told of a call. */
    boolean begun() {
        return begun;
    }

    State accept(char character) {
        Part part = scanner.accept(character);
        return switch (part) {
            case WRONG -> State.BROKEN;
            case KEY -> {
                key.append(character);
                yield State.OPEN;
            }
            case VALUE -> value(character);
            case STRUCTURE -> structure(character);
            case END -> endMember() && end() ? State.DONE : State.BROKEN;
        };
    }

    private State structure(char character) {
        if (character == ':') {
            member = read(key.toString()).stringValue();
            key.setLength(0);
            return isExpected() ? State.OPEN : State.BROKEN;
        }
        return character != ',' || endMember() ? State.OPEN : State.BROKEN;
    }

    private boolean isExpected() {
        return switch (member) {
            case "name" -> name == null;
            case "arguments", "parameters" -> !hasArguments && (name != null || !nameFirst);
            default -> IGNORED.contains(member) && (name != null || !nameFirst);
        };
    }

    private State value(char character) {
        if (!ARGUMENTS.contains(member)) {
            value.append(character);
            return State.OPEN;
        }
        if (!hasArguments) {
            hasArguments = true;
            if (character != '{' && character != '"') {
                return State.BROKEN;
            }
            if (name != null && character == '{') {
                begin();
            }
        }
        if (begun) {
            listener.argument(character);
        } else {
            value.append(character);
        }
        return State.OPEN;
    }

    private void begin() {
        begun = true;
        listener.begun(name);
    }

    /** @return whether the member is as it should be */
    private boolean endMember() {
        if (member == null) {
            return true;
        }
        String text = value.toString();
        value.setLength(0);
        boolean good = true;
        if (member.equals("name")) {
            JsonNode read = read(text);
            name = read.isString() ? read.stringValue() : null;
            good = name != null && names.contains(name);
        } else if (ARGUMENTS.contains(member) && !begun) {
            early = text;
        }
        member = null;
        return good;
    }

    private boolean end() {
        if (name == null) {
            return false;
        }
        if (!begun) {
            String arguments = early == null ? "{}" : early;
            JsonNode read = read(arguments);
            if (read.isString()) {
                arguments = read.stringValue();
                read = read(arguments);
            }
            if (!read.isObject()) {
                return false;
            }
            begin();
            arguments.chars().forEach(character -> listener.argument((char) character));
        }
        return true;
    }

    private static JsonNode read(String text) {
        try {
            return JSON.readTree(text);
        } catch (JacksonException e) {
            return JSON.nullNode(); // as a string within the JSON may be
        }
    }
}
