package dev.millrace.models.template;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts the inside of one tag into names, literals and operators, as Jinja does. */
final class TagLexer {

    private static final Pattern FLOAT = Pattern
            .compile("\\d+(_\\d+)*((\\.\\d+(_\\d+)*)?[eE][-+]?\\d+(_\\d+)*|\\.\\d+(_\\d+)*)");
    private static final Pattern INTEGER = Pattern
            .compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
    private static final Pattern NAME = Pattern.compile("[\\w]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern OPERATOR = Pattern
            .compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");

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
        char c = text.charAt(position);
        boolean afterDot = !tokens.isEmpty() && tokens.getLast().is(Token.Kind.OPERATOR, ".");
        if (c == '"' || c == '\'') {
            StringLiteral literal = new StringLiteral(source, position);
            add(Token.Kind.STRING, literal.value());
            position = literal.end();
        } else if (afterDot || !accept(FLOAT, Token.Kind.FLOAT)) {
            if (!accept(INTEGER, Token.Kind.INTEGER) && !accept(NAME, Token.Kind.NAME)
                    && !acceptOperator()) {
                throw source.error(position, "unexpected character '" + c + "'");
            }
        }
    }

    private boolean acceptOperator() {
        if (!accept(OPERATOR, Token.Kind.OPERATOR)) {
            return false;
        }
        String operator = tokens.getLast().text();
        switch (operator) {
            case "(" -> open.push(')');
            case "[" -> open.push(']');
            case "{" -> open.push('}');
            case ")", "]", "}" -> {
                if (open.isEmpty() || open.peek() != operator.charAt(0)) {
                    String expected = open.isEmpty()
                            ? "no bracket is open"
                            : "expected '" + open.peek() + "'";
                    throw source.error(position - 1, "unexpected '" + operator + "', " + expected);
                }
                open.pop();
            }
            default -> {
                // The other operators nest nothing.
            }
        }
        return true;
    }

    private boolean accept(Pattern pattern, Token.Kind kind) {
        Matcher matcher = pattern.matcher(text).region(position, text.length());
        if (!matcher.lookingAt()) {
            return false;
        }
        if (kind == Token.Kind.NAME
                && !Character.isUnicodeIdentifierStart(text.codePointAt(position))
                && text.charAt(position) != '_') {
            throw source.error(position,
                    "'" + matcher.group() + "' is neither a number nor a name");
        }
        add(kind, matcher.group());
        position = matcher.end();
        return true;
    }

    private void add(Token.Kind kind, String characters) {
        tokens.add(new Token(kind, characters, source.line(position)));
    }
}
