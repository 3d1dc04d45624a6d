package dev.millrace.server.anthropic;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ErrorWording;
import dev.millrace.server.openai.wire.Json;
import tools.jackson.databind.node.ObjectNode;

/** Errors as Anthropic words them. */
public final class AnthropicErrors implements ErrorWording {

    private static final int UNAVAILABLE = 503;
    /** What Anthropic answers while it has too much to do. */
    private static final int OVERLOADED = 529;

    @Override
    public boolean covers(String path) {
        return path.equals(AnthropicRoutes.MESSAGES) || path.startsWith(
                AnthropicRoutes.MESSAGES + "/");
    }

    @Override
    public int status(ApiException error) {
        return error.status() == UNAVAILABLE ? OVERLOADED : error.status();
    }

    @Override
    public byte[] body(ApiException error, String requestId) {
        return Json.bytes(envelope(error).put("request_id", requestId));
    }

    static ObjectNode envelope(ApiException error) {
        ObjectNode envelope = Json.object().put("type", "error");
        envelope.putObject("error").put("type", type(error.status())).put("message",
                error.getMessage());
        return envelope;
    }

    private static String type(int status) {
        return switch (status) {
            case 401 -> "authentication_error";
            case 402 -> "billing_error";
            case 403 -> "permission_error";
            case 404 -> "not_found_error";
            case 408, 504 -> "timeout_error";
            case 413 -> "request_too_large";
            case 429 -> "rate_limit_error";
            case UNAVAILABLE -> "overloaded_error";
            default -> status < 500 ? "invalid_request_error" : "api_error";
        };
    }
}
