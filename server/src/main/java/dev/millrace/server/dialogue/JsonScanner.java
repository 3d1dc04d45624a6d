package dev.millrace.server.dialogue;

/**
 * Follows one JSON object character by character and tells at once where it stops being JSON (RFC
 * 8259). For objects within {@link #DEPTH} levels.
 */
final class JsonScanner {

    private static final int DEPTH = 100;
    private static final String LITERALS = "true false null";

    private enum Expected {
        OBJECT,
        KEY_OR_END,
        KEY,
        COLON,
        VALUE,
        VALUE_OR_END,
        COMMA_OR_END,
        NOTHING
    }

    private enum Lexeme {
        NONE,
        STRING,
        ESCAPE,
        UNICODE,
        LITERAL,
        MINUS,
        ZERO,
        WHOLE,
        POINT,
        FRACTION,
        EXPONENT,
        EXPONENT_SIGN,
        EXPONENT_DIGITS
    }

    /** What a character is to the outermost object. */
    enum Part {
        /** No part of it: this is not JSON. */
        WRONG,
        /** A brace, a colon, a comma or space. */
        STRUCTURE,
        /** Of a member's name, its quotes included. */
        KEY,
        /** Of a member's value. */
        VALUE,
        /** The closing brace. */
        END
    }

    private final boolean[] inObject = new boolean[DEPTH + 1]; // (depth): an object or an array
    private int depth;
    private Expected expected = Expected.OBJECT;
    private Lexeme lexeme = Lexeme.NONE;
    private boolean key; // whether the string is a member's name
    private int literalAt; // in LITERALS, of the next character
    private int hexDigits;

    /** Takes a character; after {@link Part#WRONG} and {@link Part#END} nothing may be given. */
    Part accept(char character) {
        int depthBefore = depth;
        if (lexeme != Lexeme.NONE) {
            if (continues(character)) {
                return depthBefore > 1 || !key ? Part.VALUE : Part.KEY;
            }
            if (!endsNumber()) {
                return Part.WRONG;
            }
            lexeme = Lexeme.NONE;
            expected = Expected.COMMA_OR_END;
        }
        if (isSpace(character)) {
            return depth == 0 ? Part.WRONG : depth > 1 ? Part.VALUE : Part.STRUCTURE;
        }
        if (!begins(character)) {
            return Part.WRONG;
        }
        if (expected == Expected.NOTHING) {
            return Part.END;
        }
        if (depthBefore > 1 || depth > 1) {
            return Part.VALUE;
        }
        return lexeme == Lexeme.NONE ? Part.STRUCTURE : key ? Part.KEY : Part.VALUE;
    }

    private static boolean isSpace(char character) {
        return character == ' ' || character == '\n' || character == '\t' || character == '\r';
    }

    private boolean begins(char character) {
        return switch (expected) {
            case OBJECT -> character == '{' && open(true);
            case KEY_OR_END -> character == '}' ? close() : beginKey(character);
            case KEY -> beginKey(character);
            case COLON -> character == ':' && expect(Expected.VALUE);
            case VALUE_OR_END -> character == ']' ? close() : beginValue(character);
            case VALUE -> beginValue(character);
            case COMMA_OR_END -> character == ','
                    ? expect(inObject[depth] ? Expected.KEY : Expected.VALUE)
                    : character == (inObject[depth] ? '}' : ']') && close();
            case NOTHING -> false;
        };
    }

    private boolean expect(Expected next) {
        expected = next;
        return true;
    }

    private boolean open(boolean object) {
        if (depth == DEPTH) {
            return false;
        }
        inObject[++depth] = object;
        return expect(object ? Expected.KEY_OR_END : Expected.VALUE_OR_END);
    }

    private boolean close() {
        depth--;
        return expect(depth == 0 ? Expected.NOTHING : Expected.COMMA_OR_END);
    }

    private boolean beginKey(char character) {
        key = true;
        return character == '"' && begin(Lexeme.STRING);
    }

    private boolean beginValue(char character) {
        key = false;
        return switch (character) {
            case '{' -> open(true);
            case '[' -> open(false);
            case '"' -> begin(Lexeme.STRING);
            case '-' -> begin(Lexeme.MINUS);
            case '0' -> begin(Lexeme.ZERO);
            case 't', 'f', 'n' -> {
                literalAt = LITERALS.indexOf(character) + 1;
                yield begin(Lexeme.LITERAL);
            }
            default -> isDigit(character) && begin(Lexeme.WHOLE);
        };
    }

    private boolean begin(Lexeme begun) {
        lexeme = begun;
        return true;
    }

    private static boolean isDigit(char character) {
        return character >= '0' && character <= '9';
    }

    /** Whether a number may end here. */
    private boolean endsNumber() {
        return switch (lexeme) {
            case ZERO, WHOLE, FRACTION, EXPONENT_DIGITS -> true;
            default -> false;
        };
    }

    /** Whether a character goes on with the string, literal or number. */
    private boolean continues(char character) {
        boolean digit = isDigit(character);
        return switch (lexeme) {
            case STRING -> string(character);
            case ESCAPE -> escape(character);
            case UNICODE -> {
                if (--hexDigits == 0) {
                    lexeme = Lexeme.STRING;
                }
                yield Character.digit(character, 16) >= 0 && character < 0x80;
            }
            case LITERAL -> literal(character);
            case MINUS -> digit && begin(character == '0' ? Lexeme.ZERO : Lexeme.WHOLE);
            case ZERO -> afterWhole(character);
            case WHOLE -> digit || afterWhole(character);
            case POINT -> digit && begin(Lexeme.FRACTION);
            case FRACTION -> digit || isExponent(character);
            case EXPONENT -> digit
                    ? begin(Lexeme.EXPONENT_DIGITS)
                    : (character == '+' || character == '-') && begin(Lexeme.EXPONENT_SIGN);
            case EXPONENT_SIGN -> digit && begin(Lexeme.EXPONENT_DIGITS);
            case EXPONENT_DIGITS -> digit;
            case NONE -> false;
        };
    }

    private boolean string(char character) {
        if (character == '"') {
            lexeme = Lexeme.NONE;
            return expect(key ? Expected.COLON : Expected.COMMA_OR_END);
        }
        if (character == '\\') {
            lexeme = Lexeme.ESCAPE;
        }
        return character >= ' ';
    }

    private boolean escape(char character) {
        hexDigits = 4;
        lexeme = character == 'u' ? Lexeme.UNICODE : Lexeme.STRING;
        return "\"\\/bfnrtu".indexOf(character) >= 0;
    }

    private boolean literal(char character) {
        boolean right = character == LITERALS.charAt(literalAt);
        literalAt++;
        if (literalAt == LITERALS.length() || LITERALS.charAt(literalAt) == ' ') {
            lexeme = Lexeme.NONE;
            expected = Expected.COMMA_OR_END;
        }
        return right;
    }

    private boolean afterWhole(char character) {
        return character == '.' ? begin(Lexeme.POINT) : isExponent(character);
    }

    private boolean isExponent(char character) {
        return (character == 'e' || character == 'E') && begin(Lexeme.EXPONENT);
    }
}
