package dev.millrace.models.template;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts the inside of one tag into names, literals and operators, as Jinja does. */
final class TagLexer {

    private static final Pattern FLOAT = Pattern
            .compile("\\d+(_\\d+)*((\\.\\d+(_\\d+)*)?[eE][-+]?\\d+(_\\d+)*|\\.\\d+(_\\d+)*)");
    private static final Pattern INTEGER = Pattern
            .compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
    private static final Set<String> DOUBLE_OPERATORS = Set.of("//", "**", "==", "!=", ">=", "<=");
    private static final String OPERATORS = "-+/*%~[](){}><=.:|,;";

    private final Source source;
    private final String text;
    private final String end;
    private final List<Token> tokens;
    private final Deque<Character> open = new ArrayDeque<>();
    private int position;
    private char endMark = ' ';

    /** @param end the tag's end: <code>}}</code> or <code>%}</code> */
    TagLexer(Source source, int position, String end, List<Token> tokens) {
        this.source = source;
        this.text = source.text();
        this.position = position;
        this.end = end;
        this.tokens = tokens;
    }

    /** Reads the tag to its end. @return the position after it */
    int read() {
        int start = position;
        while (true) {
            while (position < text.length() && Strings.isSpace(text.charAt(position))) {
                position++;
            }
            if (position >= text.length()) {
                throw source.error(start, "a tag does not end; close it with " + end);
            }
            if (open.isEmpty() && readEnd()) {
                return position;
            }
            readToken();
        }
    }

    /** The mark before the tag's end: {@code -}, {@code +} or a blank. */
    char endMark() {
        return endMark;
    }

    private boolean readEnd() {
        char c = text.charAt(position);
        boolean marked = (c == '-' || c == '+' && end.equals("%}"))
                && text.startsWith(end, position + 1);
        if (!marked && !text.startsWith(end, position)) {
            return false;
        }
        endMark = marked ? c : ' ';
        add(Token.Kind.TAG_END, end);
        position += end.length() + (marked ? 1 : 0);
        return true;
    }

    private void readToken() {
        int c = text.codePointAt(position);
        if (c == '"' || c == '\'') {
            StringLiteral literal = new StringLiteral(source, position);
            add(Token.Kind.STRING, literal.value());
            position = literal.end();
        } else if (c >= '0' && c <= '9') {
            readNumber();
        } else if (c == '_' || Character.isUnicodeIdentifierStart(c)) {
            readName();
        } else {
            readOperator();
        }
    }

    /** After a dot a number is a key, as in {@code pair.0}, and has no fraction. */
    private void readNumber() {
        boolean afterDot = !tokens.isEmpty() && tokens.getLast().is(Token.Kind.OPERATOR, ".");
        if (afterDot || !accept(FLOAT, Token.Kind.FLOAT)) {
            accept(INTEGER, Token.Kind.INTEGER);
        }
    }

    private boolean accept(Pattern pattern, Token.Kind kind) {
        int longest = Math.min(text.length(), position + TemplateLimits.NUMBER_CHARS);
        Matcher matcher = pattern.matcher(text).region(position, longest);
        boolean found = matcher.lookingAt();
        if (found) {
            add(kind, matcher.group());
            position = matcher.end();
        }
        return found;
    }

    private void readName() {
        int nameEnd = position;
        while (nameEnd < text.length()
                && Character.isUnicodeIdentifierPart(text.codePointAt(nameEnd))) {
            nameEnd = text.offsetByCodePoints(nameEnd, 1);
        }
        add(Token.Kind.NAME, text.substring(position, nameEnd));
        position = nameEnd;
    }

    private void readOperator() {
        String pair = text.substring(position, Math.min(position + 2, text.length()));
        String operator = DOUBLE_OPERATORS.contains(pair) ? pair : pair.substring(0, 1);
        if (operator.length() == 1 && OPERATORS.indexOf(operator) < 0) {
            throw source.error(position, "unexpected character '"
                    + Character.toString(text.codePointAt(position)) + "'");
        }
        switch (operator) {
            case "(" -> open.push(')');
            case "[" -> open.push(']');
            case "{" -> open.push('}');
            case ")", "]", "}" -> close(operator);
            default -> {
                // The other operators nest nothing.
            }
        }
        add(Token.Kind.OPERATOR, operator);
        position += operator.length();
    }

    private void close(String bracket) {
        if (open.isEmpty() || open.peek() != bracket.charAt(0)) {
            String expected = open.isEmpty()
                    ? "no bracket is open"
                    : "expected '" + open.peek() + "'";
            throw source.error(position, "unexpected '" + bracket + "', " + expected);
        }
        open.pop();
    }

    private void add(Token.Kind kind, String characters) {
        tokens.add(new Token(kind, characters, source.line(position)));
    }
}
