package dev.millrace.server.ollama;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ErrorWording;
import dev.millrace.server.openai.wire.Json;
import tools.jackson.databind.node.ObjectNode;

/** Errors as Ollama words them. */
public final class OllamaErrors implements ErrorWording {

    @Override
    public boolean covers(String path) {
        return path.startsWith("/api/");
    }

    @Override
    public int status(ApiException error) {
        return error.status();
    }

    @Override
    public byte[] body(ApiException error, String requestId) {
        return Json.bytes(envelope(error));
    }

    static ObjectNode envelope(ApiException error) {
        return Json.object().put("error", error.getMessage());
    }
}
