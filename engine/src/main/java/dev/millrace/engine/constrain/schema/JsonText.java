package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Sequence;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * How JSON is spelled. Where white space may stand there is at most a space, or a line end and an
 * indentation of bounded width, so that a model cannot emit white space for ever; numbers have so
 * few digits that every reader can hold them.
 */
final class JsonText {

    private static final int INDENTATION = 20;
    private static final int WHOLE_DIGITS = 16;
    private static final int FRACTION_DIGITS = 16;

    private static final CodePoints CONTROLS = CodePoints.range(0, 0x1F);
    private static final CodePoints PLAIN = CONTROLS.or(CodePoints.of('"', '\\')).complement();
    private static final Map<Integer, String> SHORT_ESCAPES = Map.of((int) '"', "\\\"",
            (int) '\\', "\\\\", 8, "\\b", 9, "\\t", 10, "\\n", 12, "\\f", 13, "\\r");

    private static final Expression DIGIT = new Characters(CodePoints.range('0', '9'));

    private final Grammar.Builder builder;
    private final Expression space;
    private Expression string;
    private Expression value;
    private Expression object;

    /** @param builder of the grammar that gets the rules; the root is declared already */
    JsonText(Grammar.Builder builder, boolean compact) {
        this.builder = builder;
        if (compact) {
            space = Expression.EMPTY;
        } else {
            int rule = builder.declare("white space");
            builder.define(rule, Expression.optional(Expression.choice(Expression.text(" "),
                    Expression.sequence(Expression.text("\n"), new Repeat(
                            new Characters(CodePoints.of(' ', '\t')), 0, INDENTATION)))));
            space = new Expression.Call(rule);
        }
    }

    /** White space, or nothing. */
    Expression space() {
        return space;
    }

    /** A comma with what may follow it. */
    Expression comma() {
        return Expression.sequence(Expression.text(","), space);
    }

    /** What stands between brackets or braces, which may be nothing. */
    Expression enclosed(String open, Expression inside, String close) {
        return Expression.sequence(Expression.text(open), space, inside, space,
                Expression.text(close));
    }

    static Expression emptyBrackets(String open, String close, Expression space) {
        return Expression.sequence(Expression.text(open), space, Expression.text(close));
    }

    /** A member of an object whose name, in quotes, is {@code name}. */
    Expression member(Expression name, Expression content) {
        return Expression.sequence(name, Expression.text(":"), space, content);
    }

    /** Any string, its characters spelled in any way that JSON allows. */
    Expression string() {
        if (string == null) {
            int rule = builder.declare("string");
            builder.define(rule, quoted(Expression.any(anyCharacter())));
            string = new Expression.Call(rule);
        }
        return string;
    }

    private static Expression anyCharacter() {
        Expression hex = new Characters(CodePoints.range('0', '9')
                .or(CodePoints.range('a', 'f')).or(CodePoints.range('A', 'F')));
        CodePoints noD = CodePoints.range('0', '9').or(CodePoints.of('a', 'b', 'c', 'e', 'f'))
                .or(CodePoints.of('A', 'B', 'C', 'E', 'F'));
        Expression d = new Characters(CodePoints.of('d', 'D'));
        Expression high = new Characters(CodePoints.of('8', '9', 'a', 'b', 'A', 'B'));
        Expression low = new Characters(CodePoints.of('c', 'd', 'e', 'f', 'C', 'D', 'E', 'F'));
        Expression unit = Expression.choice(
                Expression.sequence(new Characters(noD), hex, hex, hex),
                Expression.sequence(d, new Characters(CodePoints.range('0', '7')), hex, hex),
                Expression.sequence(d, high, hex, hex, Expression.text("\\u"), d, low, hex, hex));
        return Expression.choice(new Characters(PLAIN), Expression.sequence(Expression.text("\\"),
                Expression.choice(new Characters(
                        CodePoints.of('"', '\\', '/', 'b', 'f', 'n', 'r', 't')),
                        Expression.sequence(Expression.text("u"), unit))));
    }

    static Expression quoted(Expression content) {
        return Expression.sequence(Expression.text("\""), content, Expression.text("\""));
    }

    /** Text as it is spelled within a string: as itself where JSON allows that. */
    static Expression spelled(Expression text) {
        return switch (text) {
            case Characters characters -> spelled(characters.set());
            case Sequence sequence -> new Sequence(sequence.parts().stream()
                    .map(JsonText::spelled).toList());
            case Choice choice -> new Choice(choice.options().stream().map(JsonText::spelled)
                    .toList());
            case Repeat repeat -> new Repeat(spelled(repeat.body()), repeat.least(),
                    repeat.most());
            default -> throw new IllegalArgumentException("only what a pattern is made of: "
                    + text);
        };
    }

    private static Expression spelled(CodePoints set) {
        List<Expression> options = new ArrayList<>();
        CodePoints plain = set.and(PLAIN);
        if (!plain.isEmpty()) {
            options.add(new Characters(plain));
        }
        for (int character = 0; character <= '\\'; character++) {
            if (set.contains(character) && !PLAIN.contains(character)) {
                options.add(Expression.text(escape(character)));
            }
        }
        return new Choice(options);
    }

    private static String escape(int character) {
        return SHORT_ESCAPES.getOrDefault(character, "\\u%04x".formatted(character));
    }

    /** This string with its quotes. */
    static Expression literal(String text) {
        StringBuilder spelled = new StringBuilder("\"");
        text.codePoints().forEach(character -> {
            if (character >= Character.MIN_SURROGATE && character <= Character.MAX_SURROGATE) {
                throw new GrammarException("the schema has half of a surrogate pair in a string,"
                        + " which is no Unicode text");
            }
            spelled.append(PLAIN.contains(character)
                    ? Character.toString(character)
                    : escape(character));
        });
        return Expression.text(spelled.append('"').toString());
    }

    /** Exactly this value. */
    Expression literal(JsonNode value) {
        if (value.isString()) {
            return literal(value.stringValue());
        }
        if (!value.isContainer()) {
            return Expression.text(value.toString());
        }
        boolean array = value.isArray();
        List<Expression> parts = new ArrayList<>();
        if (array) {
            value.values().forEach(element -> add(parts, literal(element)));
        } else {
            value.properties().forEach(entry -> add(parts,
                    member(literal(entry.getKey()), literal(entry.getValue()))));
        }
        String open = array ? "[" : "{";
        String close = array ? "]" : "}";
        return parts.isEmpty()
                ? emptyBrackets(open, close, space)
                : enclosed(open, new Sequence(parts), close);
    }

    private void add(List<Expression> parts, Expression element) {
        if (!parts.isEmpty()) {
            parts.add(comma());
        }
        parts.add(element);
    }

    /** Any number of a bounded count of digits. */
    static Expression number() {
        Expression exponent = Expression.sequence(new Characters(CodePoints.of('e', 'E')),
                Expression.optional(new Characters(CodePoints.of('+', '-'))),
                new Repeat(DIGIT, 1, 2));
        return Expression.sequence(Expression.optional(Expression.text("-")), whole(),
                Expression.optional(fraction()), Expression.optional(exponent));
    }

    /** Any whole number of a bounded count of digits, without sign. */
    static Expression whole() {
        return Expression.choice(Expression.text("0"), Expression.sequence(
                new Characters(CodePoints.range('1', '9')), new Repeat(DIGIT, 0,
                        WHOLE_DIGITS - 1)));
    }

    /** A point and some digits. */
    static Expression fraction() {
        return Expression.sequence(Expression.text("."), new Repeat(DIGIT, 1, FRACTION_DIGITS));
    }

    /** Any value. */
    Expression value() {
        if (value == null) {
            int rule = builder.declare("value");
            value = new Expression.Call(rule);
            int array = builder.declare("array");
            builder.define(array, list("[", value, "]"));
            builder.define(rule, Expression.choice(object(), new Expression.Call(array), string(),
                    number(), Expression.text("true"), Expression.text("false"),
                    Expression.text("null")));
        }
        return value;
    }

    /** Any object. */
    Expression object() {
        if (object == null) {
            int rule = builder.declare("object");
            object = new Expression.Call(rule);
            builder.define(rule, list("{", member(string(), value()), "}"));
        }
        return object;
    }

    private Expression list(String open, Expression element, String close) {
        return Expression.choice(emptyBrackets(open, close, space),
                enclosed(open, Expression.sequence(element,
                        Expression.any(Expression.sequence(comma(), element))), close));
    }
}
