package dev.millrace.server.openai.request;

import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Turns what a request says into the token ids that the engine starts from. */
final class Prompts {

    private Prompts() {}

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
