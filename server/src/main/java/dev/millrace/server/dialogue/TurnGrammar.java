package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Without;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.MemberSpelling;
import dev.millrace.engine.constrain.schema.SchemaGrammar;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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
    private static final JsonNode ANY_OBJECT = new JsonMapper().createObjectNode().put("type",
            "object");

    private static final Expression JSON_TYPE = Expression.optional(Expression.sequence(
            Expression.text(" "), Expression.optional(Expression.text("<|constrain|>")),
            Expression.text("json")));
    private static final Expression HARMONY_NEXT = Expression.text("<|start|>assistant");
    private static final Expression HARMONY_BODY = new Without(ANYTHING, Expression.sequence(
            ANYTHING, Expression.text("<|"), ANYTHING));

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
        Expression answer = grammar.answer(use, lenient, said);
        grammar.builder.define(root, thinking.map(markers -> Expression.sequence(
                thought(markers, start, format == ToolFormat.HARMONY
                        ? HARMONY_NEXT
                        : LAYOUT),
                answer)).orElse(answer));
        return grammar.builder.build();
    }

    /** @param next what stands between a thought and the answer */
    private static Expression thought(ThinkingMarkers markers, ThinkingStart start,
            Expression next) {
        Expression rest = Expression.sequence(without(markers.close()),
                Expression.text(markers.close()), next);
        return switch (start) {
            case OPENED -> rest;
            case FREE -> Expression.optional(Expression.sequence(
                    next == LAYOUT ? LAYOUT : Expression.EMPTY, Expression.text(markers.open()),
                    rest));
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
        if (format == ToolFormat.HARMONY) {
            return harmonyAnswer(use, lenient, said);
        }
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

    /** A message on the final channel, or perhaps a preamble and a message to a function. */
    private Expression harmonyAnswer(ToolUse use, boolean lenient, Grammar said) {
        Expression last = Expression.sequence(Expression.text("<|channel|>final"), JSON_TYPE,
                Expression.text("<|message|>"), said == null
                        ? HARMONY_BODY
                        : builder.include(said));
        if (use == null) {
            return last;
        }
        List<Expression> calls = new ArrayList<>();
        for (Tool tool : use.tools()) {
            Expression recipient = Expression.text(" to=functions." + tool.name());
            Expression header = Expression.choice(
                    Expression.sequence(Expression.text("<|channel|>commentary"), recipient),
                    Expression.sequence(recipient, Expression.text("<|channel|>commentary")));
            calls.add(Expression.sequence(header, JSON_TYPE, Expression.text("<|message|>"),
                    arguments(tool, lenient)));
        }
        Expression preamble = Expression.sequence(
                Expression.text("<|channel|>commentary<|message|>"), HARMONY_BODY,
                Expression.text("<|end|>"), HARMONY_NEXT);
        Expression call = new Expression.Choice(calls);
        return use.required()
                ? call
                : Expression.choice(last,
                        Expression.sequence(Expression.optional(preamble), call));
    }

    /** Any text that does not begin as a call of one of the tools does. */
    private Expression free(ToolUse use) {
        boolean python = format == ToolFormat.PYTHONIC;
        Expression name = new Expression.Choice(use.names().stream()
                .map(known -> Expression.text(python ? known + "(" : "\"" + known + "\""))
                .toList());
        Expression begun = python
                ? Expression.sequence(BLANKS, Expression.text("["), BLANKS, name, ANYTHING)
                : Expression.sequence(BLANKS, Expression.text("{"), BLANKS,
                        Expression.text("\"name\""), BLANKS, Expression.text(":"), BLANKS, name,
                        ANYTHING);
        return new Without(without(format.open()), begun);
    }

    private Expression arguments(Tool tool, boolean lenient) {
        if (lenient && !tool.strict()) {
            return builder.include(members(ANY_OBJECT));
        }
        try {
            return builder.include(members(tool.parameters()));
        } catch (GrammarException e) {
            if (tool.strict()) {
                throw new GrammarException("the parameters of " + tool.name() + ": "
                        + e.getMessage());
            }
            return builder.include(members(ANY_OBJECT));
        }
    }

    private Grammar members(JsonNode schema) {
        return switch (format) {
            case QWEN_XML -> SchemaGrammar.members(schema, MemberSpelling.MARKUP);
            case PYTHONIC -> SchemaGrammar.members(schema, MemberSpelling.PYTHON);
            default -> schema == ANY_OBJECT
                    ? SchemaGrammar.anyObject(false)
                    : SchemaGrammar.of(schema, false);
        };
    }

    /** One call, without what stands around all of them. */
    private Expression call(Tool tool, Expression arguments) {
        return switch (format) {
            case MISTRAL_ARGS -> Expression.sequence(Expression.text(tool.name()),
                    Expression.optional(Expression.sequence(Expression.text("[CALL_ID]"),
                            id())),
                    Expression.text("[ARGS]"), arguments);
            case QWEN_XML ->
                Expression.sequence(Expression.text("<function=" + tool.name() + ">\n"),
                        arguments, Expression.text("</function>"));
            case PYTHONIC -> Expression.sequence(Expression.text(tool.name() + "("), arguments,
                    Expression.text(")"));
            case DEEPSEEK -> Expression.sequence(Expression.text(TaggedCallParser.CALL
                    + TaggedCallParser.TYPE + tool.name() + "\n" + TaggedCallParser.FENCE
                    + "\n"), arguments, Expression.text(
                            "\n" + TaggedCallParser.FENCE_END
                                    + TaggedCallParser.CALL_END));
            case DEEPSEEK_V31 -> Expression.sequence(
                    Expression.text(TaggedCallParser.CALL + tool.name()
                            + TaggedCallParser.SEPARATOR),
                    arguments,
                    Expression.text(TaggedCallParser.CALL_END));
            default -> object(tool, arguments);
        };
    }

    private Expression object(Tool tool, Expression arguments) {
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
            case HERMES, QWEN_XML -> several(Expression.sequence(open, LINE_END, call, LINE_END,
                    Expression.text(format.close())), LINE_END, parallel);
            case MISTRAL, GRANITE -> Expression.sequence(open, SPACE, Expression.text("["),
                    several(call, Expression.sequence(Expression.text(","), SPACE), parallel),
                    Expression.text("]"));
            case MISTRAL_ARGS -> several(Expression.sequence(open, call), Expression.EMPTY,
                    parallel);
            case LLAMA -> Expression.sequence(Expression.optional(open),
                    several(call, Expression.sequence(Expression.text(";"), SPACE), parallel));
            case JSON -> several(call, Expression.text("\n"), parallel);
            case PYTHONIC -> Expression.sequence(Expression.text("["), several(call,
                    Expression.sequence(Expression.text(","), SPACE), parallel),
                    Expression.text("]"));
            case DEEPSEEK, DEEPSEEK_V31 -> Expression.sequence(open, several(call, LINE_END,
                    parallel), Expression.text(format.close()));
            case HARMONY -> throw new IllegalStateException("its calls are messages");
        };
    }

    private static Expression several(Expression call, Expression between, boolean parallel) {
        return parallel
                ? Expression.sequence(call, Expression.any(Expression.sequence(between, call)))
                : call;
    }
}
