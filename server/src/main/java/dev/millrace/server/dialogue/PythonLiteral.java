package dev.millrace.server.dialogue;

import java.math.BigDecimal;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.regex.Pattern;

/**
 * Puts a literal of Python into JSON, character by character: strings in either quotes, numbers,
 * lists, tuples, dictionaries, and {@code True}, {@code False} and {@code None}; JSON's own words
 * count too, as models mix them up.
 */
final class PythonLiteral {

    private static final int DEPTH = 100;
    private static final int WORD_CHARACTERS = 64;
    private static final Pattern NUMBER = Pattern.compile(
            "[+-]?(?:\\d+(?:_\\d+)*\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d{1,3})?");
    private static final Map<String, String> WORDS = Map.of("True", "true", "true", "true",
            "False", "false", "false", "false", "None", "null", "null", "null");
    private static final String ESCAPES = "nrtbf\\\"'/av0";
    private static final String[] ESCAPED = {"\\n", "\\r", "\\t", "\\b", "\\f", "\\\\", "\\\"",
        "'", "/", "\\u0007", "\\u000b", "\\u0000"};

    /** What a character was. */
    enum Part {
        /** Of the literal. */
        INSIDE,
        /** The last of the literal. */
        LAST,
        /** The first after the literal. */
        AFTER,
        WRONG
    }

    private enum Expected {
        VALUE,
        /** A value, or the end of a list or dictionary. */
        VALUE_OR_END,
        COLON,
        COMMA_OR_END
    }

    private final IntConsumer json;
    private final char[] open = new char[DEPTH]; // (depth): what closes it
    private final StringBuilder word = new StringBuilder();
    private int depth;
    private Expected expected = Expected.VALUE;
    private boolean key; // whether the value is a dictionary's key
    private boolean comma; // whether one comes before the next value
    private char quote; // of the string that is open; 0 outside of one
    private int escape = -1; // digits that are missing of an escape, 0 after a backslash

    /** @param json takes the characters of the JSON */
    PythonLiteral(IntConsumer json) {
        this.json = json;
    }

    Part accept(char character) {
        if (quote != 0) {
            return string(character);
        }
        if (!word.isEmpty()) {
            if (isWord(character) && word.length() < WORD_CHARACTERS) {
                word.append(character);
                return Part.INSIDE;
            }
            if (!endWord()) {
                return Part.WRONG;
            }
            if (depth == 0) {
                return Part.AFTER;
            }
        }
        return Character.isWhitespace(character) ? Part.INSIDE : outside(character);
    }

    private static boolean isWord(char character) {
        return character >= '0' && character <= '9' || character >= 'a' && character <= 'z'
                || character >= 'A' && character <= 'Z' || "+-._".indexOf(character) >= 0;
    }

    private Part outside(char character) {
        return switch (expected) {
            case COLON -> punctuation(character == ':', ": ", Expected.VALUE);
            case COMMA_OR_END -> {
                if (character == ',') {
                    comma = true;
                    key = open[depth - 1] == '}';
                    expected = Expected.VALUE_OR_END;
                    yield Part.INSIDE;
                }
                yield close(character);
            }
            case VALUE_OR_END -> character == open[depth - 1] ? close(character) : value(character);
            case VALUE -> value(character);
        };
    }

    private Part punctuation(boolean right, String spelled, Expected next) {
        tell(spelled);
        expected = next;
        return right ? Part.INSIDE : Part.WRONG;
    }

    private Part close(char character) {
        if (character != open[depth - 1]) {
            return Part.WRONG;
        }
        depth--;
        comma = false;
        key = false;
        json.accept(character == ')' ? ']' : character);
        return ended();
    }

    private Part value(char character) {
        boolean string = character == '"' || character == '\'';
        if (key && !string) {
            return Part.WRONG; // as JSON has no other keys
        }
        if (comma) {
            tell(", ");
            comma = false;
        }
        if (string) {
            quote = character;
            json.accept('"');
            return Part.INSIDE;
        }
        return switch (character) {
            case '[' -> begin('[', ']');
            case '(' -> begin('[', ')');
            case '{' -> begin('{', '}');
            default -> {
                word.append(character);
                yield isWord(character) ? Part.INSIDE : Part.WRONG;
            }
        };
    }

    private Part begin(char spelled, char closing) {
        if (depth == DEPTH) {
            return Part.WRONG;
        }
        json.accept(spelled);
        open[depth++] = closing;
        key = closing == '}';
        expected = Expected.VALUE_OR_END;
        return Part.INSIDE;
    }

    /** A value has ended, or a key. */
    private Part ended() {
        expected = key ? Expected.COLON : Expected.COMMA_OR_END;
        key = false;
        return depth == 0 ? Part.LAST : Part.INSIDE;
    }

    private boolean endWord() {
        String read = word.toString();
        word.setLength(0);
        String spelled = WORDS.get(read);
        if (spelled == null && NUMBER.matcher(read).matches()) {
            spelled = new BigDecimal(read.replace("_", "")).toString();
        }
        if (spelled == null) {
            return false;
        }
        tell(spelled);
        ended();
        return true;
    }

    private Part string(char character) {
        if (escape >= 0) {
            return escaped(character);
        }
        if (character == quote) {
            quote = 0;
            json.accept('"');
            return ended();
        }
        if (character == '\\') {
            escape = 0;
        } else {
            plain(character);
        }
        return Part.INSIDE;
    }

    private void plain(char character) {
        if (character == '"' || character == '\\') {
            json.accept('\\');
            json.accept(character);
        } else if (character < ' ') {
            tell("\\u%04x".formatted((int) character));
        } else {
            json.accept(character);
        }
    }

    private Part escaped(char character) {
        if (escape == 0) {
            int known = ESCAPES.indexOf(character);
            if (known >= 0) {
                tell(ESCAPED[known]);
                escape = -1;
            } else if (character == 'x' || character == 'u') {
                escape = character == 'x' ? 2 : 4;
                tell(character == 'x' ? "\\u00" : "\\u");
            } else {
                plain('\\'); // which Python leaves in the text as well
                plain(character);
                escape = -1;
            }
            return Part.INSIDE;
        }
        json.accept(character);
        escape = escape == 1 ? -1 : escape - 1;
        return Character.digit(character, 16) >= 0 && character < 0x80 ? Part.INSIDE : Part.WRONG;
    }

    private void tell(String text) {
        text.chars().forEach(json);
    }
}
