package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Without;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.SchemaGrammar;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The grammar of a turn: perhaps a thought, then what it says or its calls. What it says is free
 * where nothing else is asked for, and the mask holds it to a call's form only once it has begun
 * one.
 */
final class TurnGrammar {

    private static final Expression ANYTHING = Expression.any(new Characters(CodePoints.ALL));
    private static final CodePoints BLANK = CodePoints.of(' ', '\t', '\n', '\r');
    private static final Expression BLANKS = Expression.any(new Characters(BLANK));
    private static final Expression SPACE = Expression.optional(Expression.text(" "));
    private static final Expression LINE_END = Expression.optional(Expression.text("\n"));
    private static final int LAYOUT_CHARACTERS = 4;
    private static final Expression LAYOUT = new Repeat(new Characters(BLANK), 0,
            LAYOUT_CHARACTERS);
    private static final int MISTRAL_ID_CHARACTERS = 9;

    private final Grammar.Builder builder = new Grammar.Builder();
    private final ToolFormat format;

    private TurnGrammar(ToolFormat format) {
        this.format = format;
    }

    /**
     * Builds it.
     *
     * @param thinking what thoughts stand between; empty for a model that has none
     * @param start    where the prompt leaves the model
     * @param use      of tools; null for none
     * @param lenient  whether tools that are not strict may be given any object
     * @param said     what the model says has to satisfy; null for anything
     * @throws GrammarException if a schema cannot be enforced
     */
    static Grammar of(Optional<ThinkingMarkers> thinking, ThinkingStart start, ToolFormat format,
            ToolUse use, boolean lenient, Grammar said) {
        TurnGrammar grammar = new TurnGrammar(format);
        int root = grammar.builder.declare("turn");
        Expression thought = thinking.map(markers -> thought(markers, start))
                .orElse(Expression.EMPTY);
        grammar.builder.define(root, Expression.sequence(thought,
                grammar.answer(use, lenient, said)));
        return grammar.builder.build();
    }

    private static Expression thought(ThinkingMarkers markers, ThinkingStart start) {
        Expression rest = Expression.sequence(without(markers.close()),
                Expression.text(markers.close()), LAYOUT);
        return switch (start) {
            case OPENED -> rest;
            case FREE -> Expression.optional(Expression.sequence(LAYOUT,
                    Expression.text(markers.open()), rest));
            case CLOSED -> Expression.EMPTY;
        };
    }

    /** All texts that are still within the thought, with what opens it where the prompt did not. */
    static Grammar thoughtSoFar(ThinkingMarkers markers, ThinkingStart start) {
        Expression inside = without(markers.close());
        return Grammar.of(start == ThinkingStart.OPENED
                ? inside
                : Expression.sequence(LAYOUT, Expression.text(markers.open()), inside));
    }

    /** Any text in which another does not occur. */
    private static Expression without(String text) {
        return text.isEmpty()
                ? ANYTHING
                : new Without(ANYTHING, Expression.sequence(ANYTHING, Expression.text(text),
                        ANYTHING));
    }

    private Expression answer(ToolUse use, boolean lenient, Grammar said) {
        if (use == null) {
            return said == null ? ANYTHING : builder.include(said);
        }
        List<Expression> calls = new ArrayList<>();
        for (Tool tool : use.tools()) {
            calls.add(call(tool, arguments(tool, lenient)));
        }
        Expression called = calls(new Expression.Choice(calls), use.parallel());
        if (use.required()) {
            return called;
        }
        if (said != null) {
            return Expression.choice(builder.include(said), called);
        }
        return format.isBare()
                ? Expression.choice(free(use), Expression.sequence(LAYOUT, called))
                : Expression.sequence(without(format.open()), Expression.optional(called));
    }

    /** Any text that does not begin as a call of one of the tools does. */
    private Expression free(ToolUse use) {
        Expression name = new Expression.Choice(use.names().stream()
                .map(known -> Expression.text("\"" + known + "\"")).toList());
        Expression begun = Expression.sequence(BLANKS, Expression.text("{"), BLANKS,
                Expression.text("\"name\""), BLANKS, Expression.text(":"), BLANKS, name, ANYTHING);
        return new Without(without(format.open()), begun);
    }

    private Expression arguments(Tool tool, boolean lenient) {
        if (lenient && !tool.strict()) {
            return builder.include(SchemaGrammar.anyObject(false));
        }
        try {
            return builder.include(SchemaGrammar.of(tool.parameters(), false));
        } catch (GrammarException e) {
            if (tool.strict()) {
                throw new GrammarException("the parameters of " + tool.name() + ": "
                        + e.getMessage());
            }
            return builder.include(SchemaGrammar.anyObject(false));
        }
    }

    /** One call, without what stands around all of them. */
    private Expression call(Tool tool, Expression arguments) {
        if (format == ToolFormat.MISTRAL_ARGS) {
            return Expression.sequence(Expression.text(tool.name()),
                    Expression.optional(Expression.sequence(Expression.text("[CALL_ID]"), id())),
                    Expression.text("[ARGS]"), arguments);
        }
        Expression id = format == ToolFormat.MISTRAL
                ? Expression.optional(Expression.sequence(Expression.text(","), SPACE,
                        Expression.text("\"id\":"), SPACE, Expression.text("\""), id(),
                        Expression.text("\"")))
                : Expression.EMPTY;
        return Expression.sequence(Expression.text("{"), SPACE, Expression.text("\"name\":"),
                SPACE, Expression.text("\"" + tool.name() + "\","), SPACE,
                Expression.text("\"" + format.argumentsKey() + "\":"), SPACE, arguments, id, SPACE,
                Expression.text("}"));
    }

    private static Expression id() {
        CodePoints letters = CodePoints.range('0', '9').or(CodePoints.range('a', 'z'))
                .or(CodePoints.range('A', 'Z'));
        return new Repeat(new Characters(letters), MISTRAL_ID_CHARACTERS, MISTRAL_ID_CHARACTERS);
    }

    private Expression calls(Expression call, boolean parallel) {
        Expression open = Expression.text(format.open());
        return switch (format) {
            case HERMES -> several(Expression.sequence(open, LINE_END, call, LINE_END,
                    Expression.text(format.close())), LINE_END, parallel);
            case MISTRAL, GRANITE -> Expression.sequence(open, SPACE, Expression.text("["),
                    several(call, Expression.sequence(Expression.text(","), SPACE), parallel),
                    Expression.text("]"));
            case MISTRAL_ARGS -> several(Expression.sequence(open, call), Expression.EMPTY,
                    parallel);
            case LLAMA -> Expression.sequence(Expression.optional(open),
                    several(call, Expression.sequence(Expression.text(";"), SPACE), parallel));
            case JSON -> several(call, Expression.text("\n"), parallel);
        };
    }

    private static Expression several(Expression call, Expression between, boolean parallel) {
        return parallel
                ? Expression.sequence(call, Expression.any(Expression.sequence(between, call)))
                : call;
    }
}
