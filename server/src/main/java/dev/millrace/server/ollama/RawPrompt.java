package dev.millrace.server.ollama;

import dev.millrace.models.text.TextSpan;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code /api/generate} with {@code raw}: the client applies the model's template itself, so that
 * what it writes may be special tokens, and what it puts in of its users' is its own care.
 */
final class RawPrompt {

    private RawPrompt() {}

    /** A body of {@code /v1/completions}. @throws ApiException 400 that names the field */
    static ObjectNode completion(Fields body, ServedModel model) {
        if (!body.text("system", "").isEmpty()) {
            throw ApiException.invalid("system", "system is put in by the template, which raw: true"
                    + " leaves out; write it into the prompt");
        }
        if (body.flag("logprobs", false)) {
            throw ApiException.unsupported("logprobs", "logprobs is not supported with raw: true;"
                    + " /v1/completions has them");
        }
        ObjectNode request = OllamaRequest.generate(body, model.id(), model.contextTokens());
        request.remove(List.of("messages", "reasoning_effort"));
        int[] tokens = model.tokenizer().encode(
                List.of(new TextSpan(body.text("prompt"), true)), true);
        ArrayNode prompt = request.putArray("prompt");
        for (int token : tokens) {
            prompt.add(token);
        }
        JsonNode most = request.remove("max_completion_tokens");
        request.put("max_tokens", most == null
                ? Math.max(1, model.contextTokens() - tokens.length)
                : most.intValue());
        return request;
    }
}
