package dev.millrace.server.openai;

import dev.millrace.models.ChatPrompt;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.template.TemplateException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Turns what a request says into the token ids that the engine starts from. */
final class Prompts {

    private Prompts() {}

    /** A conversation, spelled by the model's own template. */
    static int[] chat(ServedModel model, List<Map<String, Object>> messages) {
        ChatTemplate template = model.chatTemplate().orElseThrow(() -> ApiException.refused(400,
                "model", "no_chat_template", "the model " + model.id()
                        + " has no chat template; use /v1/completions, where you spell the whole "
                        + "prompt"));
        try {
            return ChatPrompt.encode(template, model.tokenizer(), messages);
        } catch (TemplateException e) {
            throw ApiException.refused(400, "messages", "invalid_conversation",
                    "the model's chat template does not take this conversation: "
                            + e.getMessage());
        }
    }

    /** The field {@code prompt}: text, token ids, or a list of either. */
    static List<int[]> completion(Fields fields, ServedModel model, HttpLimits limits) {
        JsonNode prompt = fields.require("prompt");
        if (prompt.isString()) {
            return List.of(text(model, prompt, "prompt"));
        }
        if (!prompt.isArray() || prompt.isEmpty()) {
            throw ApiException.wrongType("prompt",
                    "a string, an array of token ids, or a non-empty array of either",
                    prompt.isArray() ? "an empty array" : Fields.shown(prompt));
        }
        if (prompt.get(0).isNumber()) {
            return List.of(tokens(model, prompt, "prompt"));
        }
        List<JsonNode> elements = Fields.array(prompt, "prompt", limits.choices());
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < elements.size(); i++) {
            String path = "prompt[" + i + "]";
            prompts.add(elements.get(i).isArray()
                    ? tokens(model, elements.get(i), path)
                    : text(model, elements.get(i), path));
        }
        return prompts;
    }

    private static int[] text(ServedModel model, JsonNode node, String path) {
        return requireTokens(model.tokenizer().encode(Fields.text(node, path), true), path);
    }

    private static int[] tokens(ServedModel model, JsonNode node, String path) {
        int last = model.spec().vocabularySize() - 1;
        int[] tokens = new int[node.size()];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = (int) Fields.integer(node.get(i), path, 0, last);
        }
        return requireTokens(tokens, path);
    }

    private static int[] requireTokens(int[] tokens, String path) {
        if (tokens.length == 0) {
            throw ApiException.invalid(path, path + " is empty; it needs at least one token");
        }
        return tokens;
    }
}
