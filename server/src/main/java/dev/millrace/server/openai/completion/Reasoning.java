package dev.millrace.server.openai.completion;

import dev.millrace.server.dialogue.TurnFormat;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * How much a request wants the model to think.
 *
 * @param variables for the template
 * @param effort    OpenAI's word; empty where the request does not say
 * @param budget    most tokens, or {@link #NO_BUDGET}
 */
public record Reasoning(Map<String, Object> variables, String effort, int budget) {

    public static final int NO_BUDGET = -1;

    private static final JsonMapper JSON = new JsonMapper();
    private static final int VARIABLES = 64;
    private static final List<String> EFFORTS = List.of("none", "minimal", "low", "medium", "high",
            "xhigh", "max");
    /** OpenRouter's shares of the completion's tokens, in percent; the rest is for the answer. */
    private static final Map<String, Integer> SHARES = Map.of("minimal", 10, "low", 20, "medium",
            50, "high", 80, "xhigh", 95);
    private static final List<String> RESERVED = List.of("messages", "tools", "bos_token",
            "eos_token", "add_generation_prompt");

    /** Reads it. @throws ApiException 400 that names the field */
    public static Reasoning read(Fields fields, ServedModel model, TurnFormat format) {
        String effort = fields.text("reasoning_effort", "");
        if (!effort.isEmpty() && !EFFORTS.contains(effort)) {
            throw ApiException.invalid("reasoning_effort", "reasoning_effort must be one of "
                    + String.join(", ", EFFORTS) + ", got " + Fields.shown(effort));
        }
        boolean thinks = format.thinks();
        if (!effort.isEmpty() && !effort.equals("none") && !thinks) {
            throw ApiException.unsupported("reasoning_effort", "the model " + model.id()
                    + " does not think before it answers; leave reasoning_effort out");
        }
        int budget = budget(fields, "thinking_token_budget",
                budget(fields, "max_reasoning_tokens", NO_BUDGET));
        if (budget != NO_BUDGET && !thinks) {
            String name = fields.has("thinking_token_budget")
                    ? "thinking_token_budget"
                    : "max_reasoning_tokens";
            throw ApiException.unsupported(name, "the model " + model.id()
                    + " does not think before it answers; leave " + name + " out");
        }
        Map<String, Object> variables = new LinkedHashMap<>();
        if (!effort.isEmpty()) {
            variables.putAll(format.variables(effort));
        }
        variables.putAll(templateVariables(fields));
        return new Reasoning(variables, effort, budget);
    }

    private static int budget(Fields fields, String name, int otherwise) {
        return (int) fields.integer(name, 0, Integer.MAX_VALUE, otherwise);
    }

    private static Map<String, Object> templateVariables(Fields fields) {
        Fields given = fields.object("chat_template_kwargs");
        Map<String, Object> variables = new LinkedHashMap<>();
        if (given == null) {
            return variables;
        }
        if (given.all().size() > VARIABLES) {
            throw ApiException.invalid("chat_template_kwargs", "chat_template_kwargs may have at"
                    + " most " + VARIABLES + " members, got " + given.all().size());
        }
        for (Map.Entry<String, JsonNode> entry : given.all()) {
            if (RESERVED.contains(entry.getKey())) {
                throw ApiException.invalid(given.path(entry.getKey()), given.path(entry.getKey())
                        + " is set by the request's own fields");
            }
            variables.put(entry.getKey(), JSON.treeToValue(entry.getValue(), Object.class));
        }
        return variables;
    }

    /**
     * Most tokens that a thought may have.
     *
     * @param knowsEfforts whether the template has been told the effort in more words than on and
     *                     off
     * @param maxTokens    of the whole completion, or {@link GenerationOptions#NOT_GIVEN}
     */
    public int budget(boolean knowsEfforts, int maxTokens) {
        if (budget != NO_BUDGET) {
            return budget;
        }
        if (effort.equals("none")) {
            return 0;
        }
        Integer share = SHARES.get(effort);
        return share == null || knowsEfforts || maxTokens == GenerationOptions.NOT_GIVEN
                ? NO_BUDGET
                : (int) ((long) maxTokens * share / 100);
    }
}
