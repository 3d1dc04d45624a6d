package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into text and tags, with Jinja's {@code trim_blocks} (the line end after a
 * statement or comment goes), {@code lstrip_blocks} (so do blanks before it on its line) and the
 * marks {@code -} (strip everything) and {@code +} (strip nothing).
 */
final class Lexer {

    private static final Pattern RAW = Pattern.compile("\\s*raw\\s*(-?)%\\}",
            Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern END_RAW = Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%\\}",
            Pattern.UNICODE_CHARACTER_CLASS);

    private final Source source;
    private final String text;
    private final List<Token> tokens = new ArrayList<>();
    private int position;

    /** Whether what was read last ended a line: only then are blanks alone on theirs. */
    private boolean atLineStart = true;

    private Lexer(Source source) {
        this.source = source;
        this.text = source.text();
    }

    /** @throws TemplateException for a tag, comment, string or raw block that does not end */
    static List<Token> tokens(Source source) {
        Lexer lexer = new Lexer(source);
        while (lexer.position < lexer.text.length()) {
            lexer.next();
        }
        lexer.add(Token.Kind.END, "", lexer.text.length());
        return lexer.tokens;
    }

    private void next() {
        int tag = nextTag();
        if (tag < 0) {
            addText(position, text.length());
            position = text.length();
            return;
        }
        char kind = text.charAt(tag + 1);
        int inside = tag + 2;
        char mark = inside < text.length() ? text.charAt(inside) : ' ';
        if (mark == '-' || mark == '+') {
            inside++;
        } else {
            mark = ' ';
        }
        addText(position, textEnd(tag, mark, kind != '{'));
        position = inside;
        switch (kind) {
            case '#' -> comment(tag);
            case '%' -> {
                if (!raw(tag)) {
                    add(Token.Kind.STATEMENT_START, "{%", tag);
                    tag("%}");
                }
            }
            default -> {
                add(Token.Kind.OUTPUT_START, "{{", tag);
                tag("}}");
            }
        }
    }

    /** Where the next tag of any kind starts, or -1. */
    private int nextTag() {
        int brace = text.indexOf('{', position);
        while (brace >= 0 && brace + 1 < text.length()) {
            if ("{%#".indexOf(text.charAt(brace + 1)) >= 0) {
                return brace;
            }
            brace = text.indexOf('{', brace + 1);
        }
        return -1;
    }

    /** Where the text before a tag ends once what the tag strips has gone. */
    private int textEnd(int tag, char mark, boolean stripsLine) {
        int end = tag;
        while (end > position && Strings.isSpace(text.charAt(end - 1))
                && (mark == '-' || text.charAt(end - 1) != '\n')) {
            end--;
        }
        boolean ownsLine = end > position ? text.charAt(end - 1) == '\n' : atLineStart;
        return mark == '-' || mark == ' ' && stripsLine && ownsLine ? end : tag;
    }

    private void comment(int tag) {
        int end = text.indexOf("#}", position);
        if (end < 0) {
            throw source.error(tag, "a comment starts with {# and does not end; close it with #}");
        }
        char mark = end > position ? text.charAt(end - 1) : ' ';
        position = end + 2;
        stripAfter(mark, true);
    }

    private boolean raw(int tag) {
        Matcher start = RAW.matcher(text).region(position, text.length());
        if (!start.lookingAt()) {
            return false;
        }
        position = start.end();
        stripAfter(start.group(1).isEmpty() ? ' ' : '-', false);
        Matcher end = END_RAW.matcher(text);
        if (!end.find(position)) {
            throw source.error(tag, "a raw block does not end; close it with {% endraw %}");
        }
        char mark = end.group(1).isEmpty() ? ' ' : end.group(1).charAt(0);
        addText(position, textEnd(end.start(), mark, true));
        position = end.end();
        stripAfter(end.group(2).isEmpty() ? ' ' : end.group(2).charAt(0), true);
        return true;
    }

    private void tag(String end) {
        TagLexer tag = new TagLexer(source, position, end, tokens);
        position = tag.read();
        stripAfter(tag.endMark(), end.equals("%}"));
    }

    /** Passes over what the end of a tag strips. */
    private void stripAfter(char mark, boolean trimsLineEnd) {
        int end = position;
        if (mark == '-') {
            while (position < text.length() && Strings.isSpace(text.charAt(position))) {
                position++;
            }
        } else if (mark != '+' && trimsLineEnd && position < text.length()
                && text.charAt(position) == '\n') {
            position++;
        }
        atLineStart = position > end && text.charAt(position - 1) == '\n';
    }

    private void addText(int from, int to) {
        if (from < to) {
            add(Token.Kind.TEXT, text.substring(from, to), from);
        }
    }

    private void add(Token.Kind kind, String characters, int at) {
        tokens.add(new Token(kind, characters, source.line(at)));
    }
}
