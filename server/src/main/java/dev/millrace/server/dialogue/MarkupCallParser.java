package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.schema.MemberKind;
import dev.millrace.engine.constrain.schema.MemberSpelling;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads calls whose arguments stand in tags, {@code <function=name>} around
 * {@code <parameter=name>}, and gives them as JSON. Texts are told of as they come, other values
 * when they end.
 */
final class MarkupCallParser extends CallReader {

    private static final JsonMapper JSON = new JsonMapper();
    private static final String FUNCTION = "<function=";
    private static final String FUNCTION_END = "</function>";
    private static final String PARAMETER = MemberSpelling.MARKUP.open();
    private static final String PARAMETER_END = MemberSpelling.MARKUP.closingTag();
    private static final int NAME_CHARACTERS = 256;
    /** Python's words for JSON's. */
    private static final Map<String, String> WORDS = Map.of("True", "true", "False", "false",
            "None", "null");

    private enum Place {
        /** Before a function. */
        OUTSIDE,
        /** In a function's name. */
        FUNCTION_NAME,
        /** In a function, outside its parameters. */
        FUNCTION,
        /** In a parameter's name. */
        PARAMETER_NAME,
        /** In a parameter's value. */
        VALUE
    }

    private final Map<String, Map<String, MemberKind>> kinds; // by tool and parameter
    private final StringBuilder word = new StringBuilder(); // a tag or a name
    private final StringBuilder value = new StringBuilder(); // what is not told of yet
    private final Set<String> given = new HashSet<>(); // parameters of this call
    private final MarkerSearch closing = new MarkerSearch(PARAMETER_END);
    private Place place = Place.OUTSIDE;
    private String function;
    private MemberKind kind;
    private boolean first; // whether no character of the value has come
    private boolean telling; // whether the value is a text that is told of as it comes

    /** @param tools that may be called */
    MarkupCallParser(ToolFormat format, List<Tool> tools) {
        super(format.open(), format.close(), false);
        kinds = Tool.memberKinds(tools);
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
        return false;
    }

    @Override
    void opened() {
        word.setLength(0);
        place = Place.OUTSIDE;
    }

    @Override
    boolean goesOn(char character) {
        return switch (place) {
            case OUTSIDE -> word.isEmpty() && Character.isWhitespace(character)
                    || tag(character, FUNCTION, FUNCTION);
            case FUNCTION_NAME -> functionName(character);
            case FUNCTION -> word.isEmpty() && Character.isWhitespace(character)
                    || tag(character, PARAMETER, FUNCTION_END);
            case PARAMETER_NAME -> parameterName(character);
            case VALUE -> {
                value(character);
                yield true;
            }
        };
    }

    /** Reads one of two tags, or its beginning. */
    private boolean tag(char character, String one, String other) {
        word.append(character);
        String read = word.toString();
        if (read.equals(one) || read.equals(other)) {
            word.setLength(0);
            switch (read) {
                case FUNCTION -> place = Place.FUNCTION_NAME;
                case FUNCTION_END -> endFunction();
                default -> place = Place.PARAMETER_NAME;
            }
        }
        return one.startsWith(read) || other.startsWith(read);
    }

    private boolean functionName(char character) {
        if (character != '>') {
            word.append(character);
            return CallParser.isName(character) && word.length() <= NAME_CHARACTERS;
        }
        function = word.toString();
        word.setLength(0);
        if (!kinds.containsKey(function)) {
            return false;
        }
        given.clear();
        place = Place.FUNCTION;
        begin(function);
        argument('{');
        return true;
    }

    private void endFunction() {
        argument('}');
        endCall();
        leave();
    }

    private boolean parameterName(char character) {
        if (character != '>') {
            word.append(character);
            return character != '<' && !Character.isWhitespace(character)
                    && word.length() <= NAME_CHARACTERS;
        }
        String name = word.toString();
        word.setLength(0);
        if (name.isEmpty() || !given.add(name)) {
            return false;
        }
        kind = kinds.get(function).getOrDefault(name, MemberKind.ANY);
        tell((given.size() == 1 ? "" : ", ") + JSON.writeValueAsString(name) + ": ");
        first = true;
        telling = false;
        place = Place.VALUE;
        return true;
    }

    private void value(char character) {
        if (first && character == '\n') {
            first = false;
            return;
        }
        first = false;
        value.append(character);
        if (closing.accept(character)) {
            value.setLength(value.length() - PARAMETER_END.length());
            endValue();
        } else if (kind == MemberKind.TEXT) {
            tellText(value.length() - closing.matched());
        }
    }

    /** Tells of so much of the text, but for a line's end, which may belong to the tag. */
    private void tellText(int certain) {
        int end = certain > 0 && value.charAt(certain - 1) == '\n' ? certain - 1 : certain;
        if (!telling) {
            argument('"');
            telling = true;
        }
        if (end > 0) {
            String quoted = JSON.writeValueAsString(value.substring(0, end));
            tell(quoted.substring(1, quoted.length() - 1));
            value.delete(0, end);
        }
    }

    private void endValue() {
        place = Place.FUNCTION;
        if (!value.isEmpty() && value.charAt(value.length() - 1) == '\n') {
            value.setLength(value.length() - 1);
        }
        String text = value.toString();
        value.setLength(0);
        if (kind == MemberKind.TEXT) {
            String quoted = JSON.writeValueAsString(text);
            tell(telling ? quoted.substring(1) : quoted);
        } else {
            tell(json(text, kind));
        }
    }

    private static String json(String text, MemberKind kind) {
        String word = WORDS.getOrDefault(text.strip(), text.strip());
        boolean textOrNull = kind == MemberKind.TEXT_OR_NULL;
        JsonNode read = textOrNull && !word.equals("null") ? null : read(word);
        return read == null ? JSON.writeValueAsString(text) : word;
    }

    /** Null for what is no JSON. */
    private static JsonNode read(String text) {
        try {
            JsonNode read = JSON.readTree(text);
            return read.isMissingNode() ? null : read;
        } catch (JacksonException e) {
            return null;
        }
    }

    private void tell(String json) {
        json.chars().forEach(character -> argument((char) character));
    }
}
