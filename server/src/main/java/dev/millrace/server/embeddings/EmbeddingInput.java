package dev.millrace.server.embeddings;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Reads the texts of a request into token ids. */
final class EmbeddingInput {

    /** OpenAI's limit. */
    static final int TEXTS = 2048;

    private EmbeddingInput() {}

    /** A text, token ids, or a list of either. @throws ApiException 400 that names the element */
    static List<int[]> read(Fields body, String name, VectorModel model) {
        JsonNode input = body.require(name);
        if (input.isString()) {
            return List.of(text(input, name, model));
        }
        if (!input.isArray() || input.isEmpty()) {
            throw ApiException.wrongType(name,
                    "a string, an array of token ids, or a non-empty array of either",
                    input.isArray() ? "an empty array" : Fields.shown(input));
        }
        if (input.get(0).isNumber()) {
            return List.of(tokens(input, name, model));
        }
        List<JsonNode> elements = Fields.array(input, name, TEXTS);
        List<int[]> texts = new ArrayList<>(elements.size());
        for (int i = 0; i < elements.size(); i++) {
            String path = name + "[" + i + "]";
            texts.add(elements.get(i).isArray()
                    ? tokens(elements.get(i), path, model)
                    : text(elements.get(i), path, model));
        }
        return texts;
    }

    /** A text. @throws ApiException 400 that says how long it may be */
    static int[] text(JsonNode node, String path, VectorModel model) {
        String text = Fields.text(node, path);
        if (text.isEmpty()) {
            throw ApiException.invalid(path, path + " is empty; there is nothing to embed");
        }
        return checked(model.tokens(text), path, model);
    }

    private static int[] tokens(JsonNode node, String path, VectorModel model) {
        if (node.isEmpty()) {
            throw ApiException.invalid(path, path + " is empty; it needs at least one token");
        }
        int[] tokens = new int[node.size()];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = (int) Fields.integer(node.get(i), path, 0, model.vocabularySize() - 1);
        }
        return checked(tokens, path, model);
    }

    private static int[] checked(int[] tokens, String path, VectorModel model) {
        if (tokens.length == 0) {
            throw ApiException.invalid(path, path + " has no token of this model");
        }
        if (tokens.length > model.contextTokens()) {
            throw ApiException.refused(400, path, "context_length_exceeded", path + " has "
                    + tokens.length + " tokens, but " + model.id() + " takes texts of at most "
                    + model.contextTokens() + "; cut it into pieces");
        }
        return tokens;
    }
}
