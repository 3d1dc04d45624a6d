package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Without;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** Objects whose members stand by themselves, in one of the ways of {@link MemberSpelling}. */
record NamedMembers(SchemaGrammar grammar, JsonText json, MemberSpelling spelling)
        implements
            ObjectSpelling {

    private static final Pattern IDENTIFIER = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
    private static final Pattern TAG_NAME = Pattern.compile("[^<>\\s]+");
    private static final CodePoints LETTERS = CodePoints.range('a', 'z')
            .or(CodePoints.range('A', 'Z')).or(CodePoints.of('_'));
    private static final Expression ANY_NAME = Expression.sequence(new Characters(LETTERS),
            new Repeat(new Characters(LETTERS.or(CodePoints.range('0', '9'))), 0, 63));
    private static final Expression ANY_TEXT = Expression.any(new Characters(CodePoints.ALL));
    private static final Expression TRUTH = Expression.choice(Expression.text("True"),
            Expression.text("False"));
    private static final Expression NONE = Expression.text("None");

    @Override
    public Expression member(String name, List<Subschema> schemas) {
        boolean markup = spelling == MemberSpelling.MARKUP;
        if (!(markup ? TAG_NAME : IDENTIFIER).matcher(name).matches()) {
            throw new GrammarException("the member \"" + name + "\" has a name that cannot be"
                    + " spelled as " + (markup ? "a tag's" : "an argument's in Python")
                    + ", which is how the model spells calls");
        }
        return named(Expression.text(name), markup ? markup(schemas) : python(schemas));
    }

    @Override
    public Expression other(Map<String, List<Subschema>> named, List<Subschema> names,
            List<Subschema> schemas) {
        if (!names.isEmpty() || !schemas.isEmpty() && named.isEmpty()) {
            throw new GrammarException("members that are not named can be of any kind only, the"
                    + " way the model spells calls: name them by properties");
        }
        return named.isEmpty()
                ? named(ANY_NAME, spelling == MemberSpelling.MARKUP
                        ? untilTag(ANY_TEXT)
                        : python(List.of()))
                : null;
    }

    private Expression named(Expression name, Expression value) {
        return Expression.sequence(Expression.text(spelling.open()), name,
                Expression.text(spelling.afterName()), value, Expression.text(spelling.close()));
    }

    @Override
    public Expression between() {
        return Expression.text(spelling.between());
    }

    @Override
    public Expression enclosed(Expression members) {
        return members;
    }

    @Override
    public Expression empty() {
        return Expression.EMPTY;
    }

    /** Where a text may stand everything is a text, but for null. */
    private Expression markup(List<Subschema> schemas) {
        List<Shape> shapes = grammar.expand(schemas);
        boolean texts = MemberKind.of(shapes).isText();
        List<Expression> options = new ArrayList<>();
        for (Shape shape : shapes) {
            if (shape.values != null) {
                JsonValues.allowed(shape).stream().filter(value -> !texts || value.isString()
                        || value.isNull()).forEach(value -> options.add(
                                value.isString()
                                        ? untilTag(Expression.text(value.stringValue()))
                                        : literal(value)));
                continue;
            }
            if (shape.generatedTypes().contains(JsonType.STRING)) {
                options.add(untilTag(StringShapes.plain(shape)));
                if (shape.generatedTypes().contains(JsonType.NULL)) {
                    options.add(Expression.choice(Expression.text("null"), NONE));
                }
            } else if (!texts || shape.generatedTypes().contains(JsonType.NULL)) {
                options.add(value(shape));
            }
        }
        return new Choice(options);
    }

    private Expression untilTag(Expression text) {
        return new Without(text, Expression.sequence(ANY_TEXT, Expression.text(
                MemberSpelling.MARKUP.closingTag()), ANY_TEXT));
    }

    private Expression python(List<Subschema> schemas) {
        if (schemas.isEmpty()) {
            return Expression.choice(json.value(), TRUTH, NONE);
        }
        List<Expression> options = new ArrayList<>();
        for (Shape shape : grammar.expand(schemas)) {
            if (shape.values != null) {
                JsonValues.allowed(shape).forEach(value -> options.add(literal(value)));
            } else {
                options.add(value(shape));
            }
        }
        return new Choice(options);
    }

    /** Also in Python's words for true, false and null, which models take for theirs. */
    private Expression value(Shape shape) {
        List<Expression> options = new ArrayList<>(List.of(grammar.expression(shape)));
        if (shape.generatedTypes().contains(JsonType.BOOLEAN)) {
            options.add(TRUTH);
        }
        if (shape.generatedTypes().contains(JsonType.NULL)) {
            options.add(NONE);
        }
        return new Choice(options);
    }

    private Expression literal(JsonNode value) {
        if (value.isBoolean()) {
            return Expression.choice(json.literal(value), Expression.text(value.booleanValue()
                    ? "True"
                    : "False"));
        }
        return value.isNull() ? Expression.choice(json.literal(value), NONE) : json.literal(value);
    }
}
