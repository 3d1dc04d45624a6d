package dev.millrace.server.openai.request;

import dev.millrace.engine.constrain.CompletionConstraint;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.ThoughtLimit;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.engine.constrain.schema.SchemaGrammar;
import dev.millrace.models.template.TemplateException;
import dev.millrace.models.text.TextSpan;
import dev.millrace.server.dialogue.ThinkingStart;
import dev.millrace.server.dialogue.Tool;
import dev.millrace.server.dialogue.ToolUse;
import dev.millrace.server.dialogue.TurnFormat;
import dev.millrace.server.dialogue.TurnPlan;
import dev.millrace.server.openai.completion.GenerationOptions;
import dev.millrace.server.openai.completion.Reasoning;
import dev.millrace.server.openai.model.ChatModel;
import dev.millrace.server.openai.model.ConstraintCache;
import dev.millrace.server.openai.model.Requirement;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.request.ToolsReader.ToolRequest;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.List;
import java.util.stream.Collectors;

/** Reads what a chat says and what its answer may be. */
public final class ChatReader {

    private final Fields fields;
    private final ServedModel model;
    private final ChatModel chatModel;
    private final TurnFormat format;
    private final ToolRequest tools;
    private final Reasoning reasoning;
    private final List<TextSpan> prompt;
    private final ThinkingStart start;

    /** @throws ApiException 400 that names the field */
    ChatReader(Fields fields, ServedModel model, ChatModel chatModel) {
        this.fields = fields;
        this.model = model;
        this.chatModel = chatModel;
        this.format = chatModel.format();
        if (format == null) {
            throw ApiException.refused(400, "model", "no_chat_template", "the model " + model.id()
                    + " has no chat template; use /v1/completions, where you spell the whole "
                    + "prompt");
        }
        this.tools = ToolsReader.read(fields);
        this.reasoning = Reasoning.read(fields, model, format);
        this.prompt = render();
        this.start = format.start(prompt);
    }

    private List<TextSpan> render() {
        try {
            return format.prompt(ChatMessages.read(fields), tools.offered(),
                    reasoning.variables());
        } catch (TemplateException e) {
            throw ApiException.refused(400, "messages", "invalid_conversation",
                    "the model's chat template does not take this conversation: "
                            + e.getMessage());
        }
    }

    /** The conversation as the model's own template spells it. */
    public int[] prompt() {
        return model.tokenizer().encode(prompt, true);
    }

    /** The same as text. */
    public String promptText() {
        return prompt.stream().map(TextSpan::text).collect(Collectors.joining());
    }

    /** How to read the answers. */
    TurnPlan plan() {
        if (tools.use() == null && !format.thinks()) {
            return TurnPlan.PLAIN;
        }
        return new TurnPlan(() -> format.parser(start, tools.use()), format.markers(),
                format::callId);
    }

    /**
     * What an answer must be; null for anything.
     *
     * @param maxTokens of the whole completion, or {@link GenerationOptions#NOT_GIVEN}
     * @throws ApiException 400 that names the field
     */
    CompletionConstraint constraint(int maxTokens) {
        boolean thinks = format.thinks() && start != ThinkingStart.CLOSED;
        int budget = reasoning.budget(format.knowsEfforts(), maxTokens);
        Requirement said = ConstraintReader.read(fields);
        if (!thinks || budget == Reasoning.NO_BUDGET) {
            return constraint(said, thinks);
        }
        ConstraintCache cache = chatModel.turns();
        return new ThoughtLimit(turn(said),
                cache.get("thought", start.name(), () -> format.thoughtSoFar(start)),
                cache.get("thought's end", "", format::thoughtEnd), budget);
    }

    private TokenConstraint constraint(Requirement said, boolean thinks) {
        if (tools.use() != null) {
            return turn(said);
        }
        if (said == null) {
            return null;
        }
        return thinks ? turn(said) : said.compile(chatModel.texts());
    }

    private TokenConstraint turn(Requirement said) {
        try {
            return turn(said, false);
        } catch (GrammarException e) {
            if (tools.use() == null || tools.use().tools().stream().allMatch(Tool::strict)) {
                throw refusal(said, e);
            }
        }
        try {
            return turn(said, true);
        } catch (GrammarException e) {
            throw refusal(said, e);
        }
    }

    private TokenConstraint turn(Requirement said, boolean lenient) {
        ToolUse use = tools.use();
        StringBuilder text = new StringBuilder().append(start).append('\n');
        if (use != null) {
            text.append(use.required()).append(use.parallel());
            use.tools().forEach(tool -> text.append('\n').append(tool.strict())
                    .append(tool.name()).append(tool.parameters()));
        }
        if (said != null) {
            text.append('\n').append(said.kind()).append('\n').append(said.text());
        }
        return chatModel.turns().get(lenient ? "lenient turn" : "turn", text.toString(),
                () -> grammar(said, lenient));
    }

    private Grammar grammar(Requirement said, boolean lenient) {
        return format.grammar(start, tools.use(), lenient,
                said == null ? null : said.grammar().get());
    }

    /** Finds out which part of the request is at fault. */
    private ApiException refusal(Requirement said, GrammarException failure) {
        if (said != null) {
            try {
                said.grammar().get();
            } catch (GrammarException e) {
                return said.refusal(e);
            }
        }
        if (tools.use() == null) {
            return said.refusal(failure);
        }
        for (int i = 0; i < tools.offered().size(); i++) {
            Tool tool = tools.offered().get(i);
            try {
                if (tool.strict() && tools.use().tools().contains(tool)) {
                    SchemaGrammar.of(tool.parameters(), false);
                }
            } catch (GrammarException e) {
                String path = "tools[" + i + "].function.parameters";
                return ApiException.refused(400, path, "invalid_json_schema", path
                        + " cannot be enforced as strict: " + e.getMessage());
            }
        }
        return ApiException.refused(400, "tools", "invalid_value",
                "the tools cannot be enforced: " + failure.getMessage());
    }
}
