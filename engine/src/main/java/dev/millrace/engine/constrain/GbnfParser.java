package dev.millrace.engine.constrain;

import dev.millrace.engine.constrain.Expression.Call;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Sequence;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads grammars in llama.cpp's notation, GBNF, whose root is the rule {@code root}: literals in
 * quotes, classes in brackets, {@code .}, names, groups, {@code |}, {@code * + ?} and
 * {@code {n,m}}, comments after {@code #}. A rule ends where the next one begins, so it may have
 * any number of lines.
 */
public final class GbnfParser {

    private static final String ROOT = "root";

    private final String text;
    private final Grammar.Builder builder = new Grammar.Builder();
    private final Map<String, Integer> rules = new HashMap<>();
    private int at;
    private int nesting;

    private GbnfParser(String text) {
        this.text = text;
    }

    /** @throws GrammarException if the text is no grammar, lacks a rule or is too large */
    public static Grammar parse(String text) {
        GrammarLimits.requireText(text, "grammar");
        return new GbnfParser(text).grammar();
    }

    private Grammar grammar() {
        int root = rule(ROOT);
        skipSpace();
        while (at < text.length()) {
            String name = name();
            if (name.isEmpty()) {
                throw wrong("a rule must begin with its name");
            }
            skipSpace();
            if (!text.startsWith("::=", at)) {
                throw wrong("'::=' must follow the name " + name);
            }
            at += 3;
            int rule = rule(name);
            if (builder.isDefined(rule)) {
                throw wrong("the rule " + name + " is defined twice");
            }
            builder.define(rule, alternatives());
        }
        if (!builder.isDefined(root)) {
            throw new GrammarException("the grammar has no rule named root, where it would begin");
        }
        return builder.build();
    }

    private int rule(String name) {
        Integer known = rules.get(name);
        if (known != null) {
            return known;
        }
        int rule = builder.declare(name);
        rules.put(name, rule);
        return rule;
    }

    private Expression alternatives() {
        List<Expression> options = new ArrayList<>();
        options.add(sequence());
        while (peek() == '|') {
            at++;
            options.add(sequence());
        }
        return options.size() == 1 ? options.getFirst() : new Choice(options);
    }

    private Expression sequence() {
        List<Expression> parts = new ArrayList<>();
        skipSpace();
        while (at < text.length() && peek() != '|' && peek() != ')' && !ruleBegins()) {
            Expression item = item();
            skipSpace();
            parts.add(quantified(item));
            skipSpace();
        }
        return parts.size() == 1 ? parts.getFirst() : new Sequence(parts);
    }

    private boolean ruleBegins() {
        int before = at;
        boolean begins = !name().isEmpty();
        if (begins) {
            skipSpace();
            begins = text.startsWith("::=", at);
        }
        at = before;
        return begins;
    }

    private Expression item() {
        char sign = text.charAt(at);
        switch (sign) {
            case '"' -> {
                return literal();
            }
            case '[' -> {
                return characters();
            }
            case '.' -> {
                at++;
                return new Characters(CodePoints.ALL);
            }
            case '(' -> {
                return group();
            }
            default -> {
                String name = name();
                if (name.isEmpty()) {
                    throw wrong("'" + Character.toString(text.codePointAt(at))
                            + "' begins nothing that is known here");
                }
                return new Call(rule(name));
            }
        }
    }

    private Expression group() {
        at++;
        if (++nesting > GrammarLimits.NESTING) {
            throw new GrammarException("the grammar has more than " + GrammarLimits.NESTING
                    + " groups within each other");
        }
        Expression inside = alternatives();
        expect(')');
        nesting--;
        return inside;
    }

    private Expression literal() {
        at++;
        StringBuilder literal = new StringBuilder();
        while (peek() != '"') {
            literal.appendCodePoint(character());
        }
        at++;
        return Expression.text(literal.toString());
    }

    private Expression characters() {
        at++;
        boolean negated = peek() == '^';
        if (negated) {
            at++;
        }
        List<CodePoints> sets = new ArrayList<>();
        while (peek() != ']') {
            int first = character();
            int last = first;
            if (peek() == '-' && at + 1 < text.length() && text.charAt(at + 1) != ']') {
                at++;
                last = character();
            }
            if (last < first) {
                throw wrong("a range whose end is before its beginning");
            }
            sets.add(CodePoints.range(first, last));
        }
        at++;
        CodePoints set = CodePoints.anyOf(sets);
        return new Characters(negated ? set.complement() : set);
    }

    /** A character of a literal or a class. */
    private int character() {
        if (at >= text.length() || text.charAt(at) == '\n') {
            throw wrong("a literal or a class without its end");
        }
        int character = text.codePointAt(at);
        at += Character.charCount(character);
        if (character != '\\') {
            return character;
        }
        int letter = at < text.length() ? text.charAt(at++) : -1;
        return switch (letter) {
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'r' -> '\r';
            case '\\', '"', '[', ']', '-', '^' -> letter;
            case 'x' -> hex(2);
            case 'u' -> hex(4);
            case 'U' -> hex(8);
            default -> throw wrong("an unknown escape");
        };
    }

    private int hex(int digits) {
        try {
            int value = Integer.parseInt(text, at, at + digits, 16);
            at += digits;
            if (Character.isValidCodePoint(value) && (value < 0xD800 || value > 0xDFFF)) {
                return value;
            }
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
            // Falls through to the same complaint as a number too large.
        }
        throw wrong("no character's number of " + digits + " digits");
    }

    private Expression quantified(Expression item) {
        Expression quantified = item;
        char sign = peek();
        while (sign == '*' || sign == '+' || sign == '?' || sign == '{') {
            if (quantified != item) {
                throw wrong("a quantifier with nothing to repeat");
            }
            at++;
            quantified = sign == '{'
                    ? counted(item)
                    : new Repeat(item, sign == '+' ? 1 : 0, sign == '?' ? 1 : Repeat.UNBOUNDED);
            skipSpace();
            sign = peek();
        }
        return quantified;
    }

    private Expression counted(Expression item) {
        int least = number();
        int most = least;
        if (peek() == ',') {
            at++;
            most = peek() == '}' ? Repeat.UNBOUNDED : number();
        }
        expect('}');
        return new Repeat(item, least, most);
    }

    private int number() {
        int begin = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        if (begin == at || at - begin > 9) {
            throw wrong("a count must have between 1 and 9 digits");
        }
        return Integer.parseInt(text, begin, at, 10);
    }

    private String name() {
        int begin = at;
        while (at < text.length() && isNamePart(text.charAt(at))) {
            at++;
        }
        return text.substring(begin, at);
    }

    private static boolean isNamePart(char character) {
        return character >= 'a' && character <= 'z' || character >= 'A' && character <= 'Z'
                || character >= '0' && character <= '9' || character == '-' || character == '_';
    }

    private void skipSpace() {
        while (at < text.length()) {
            if (text.charAt(at) == '#') {
                int line = text.indexOf('\n', at);
                at = line < 0 ? text.length() : line;
            } else if (Character.isWhitespace(text.charAt(at))) {
                at++;
            } else {
                return;
            }
        }
    }

    /** The next character, or 0 at the end. */
    private char peek() {
        return at < text.length() ? text.charAt(at) : 0;
    }

    private void expect(char wanted) {
        if (peek() != wanted) {
            throw wrong("no '" + wanted + "'");
        }
        at++;
    }

    private GrammarException wrong(String what) {
        long line = text.substring(0, Math.min(at, text.length())).lines().count();
        return new GrammarException("the grammar is wrong in line " + Math.max(1, line) + ": "
                + what);
    }
}
