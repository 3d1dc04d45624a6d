package dev.millrace.server.openai.wire;

import dev.millrace.server.metering.budget.BudgetException;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.tenants.QuotaException;
import java.time.Duration;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/** A refusal in OpenAI's terms: an HTTP status and the fields of its error envelope. */
public final class ApiException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private static final String INVALID_REQUEST = "invalid_request_error";
    private static final String BUDGET_EXCEEDED = "budget_exceeded";
    private static final String SERVER_ERROR = "server_error";

    private final int status;
    private final String type;
    private final String param;
    private final String code;
    private final Duration retryAfter;
    private final transient ObjectNode budget;

    private ApiException(int status, String type, String param, String code, String message,
            Duration retryAfter, ObjectNode budget) {
        super(message);
        this.budget = budget;
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
        this.retryAfter = retryAfter;
    }

    private ApiException(int status, String type, String param, String code, String message,
            Duration retryAfter) {
        this(status, type, param, code, message, retryAfter, null);
    }

    /** A budget has too little left; the envelope says how it stands. */
    public static ApiException unaffordable(BudgetException e) {
        BudgetStatus status = e.status();
        ObjectNode budget = Json.object().put("scope", status.budget().scope().word())
                .put("name", status.budget().name()).put("period", status.budget().period().word())
                .put("hard_nano_usd", status.budget().hardNanoUsd().orElseThrow())
                .put("spent_nano_usd", status.spentNanoUsd())
                .put("set_aside_nano_usd", status.setAsideNanoUsd())
                .put("left_nano_usd", status.leftNanoUsd().orElseThrow())
                .put("wanted_nano_usd", e.wantedNanoUsd())
                .put("resets_at", status.resets().toString());
        return new ApiException(402, "insufficient_quota", null, BUDGET_EXCEEDED, e.getMessage(),
                e.untilReset(), budget);
    }

    /** A request was ended before it said anything, since its budget was used up. */
    public static ApiException ranOutOfBudget() {
        return new ApiException(402, "insufficient_quota", null, BUDGET_EXCEEDED, "a budget was"
                + " used up before this request's first token; GET /v1/budgets shows how budgets"
                + " stand, and when they reset", null);
    }

    /** The request's own fault, with a status from 400 to 499; {@code param} may be null. */
    public static ApiException refused(int status, String param, String code, String message) {
        return new ApiException(status, INVALID_REQUEST, param, code, message, null);
    }

    /** A field whose value is not allowed. */
    public static ApiException invalid(String param, String message) {
        return refused(400, param, "invalid_value", message);
    }

    /** A field of the wrong JSON type. */
    public static ApiException wrongType(String param, String expected, String got) {
        return refused(400, param, "invalid_type", param + " must be " + expected + ", got " + got);
    }

    /** A field that must be there and is not. */
    public static ApiException missing(String param) {
        return refused(400, param, "missing_required_parameter", param + " is required");
    }

    /** A field that asks for what this server does not do. */
    public static ApiException unsupported(String param, String message) {
        return refused(400, param, "unsupported_parameter", message);
    }

    /** More than the caller may use in a minute. */
    public static ApiException limited(QuotaException e) {
        return new ApiException(429, e.resource(), null, "rate_limit_exceeded", e.getMessage(),
                e.retryAfter());
    }

    /** Try again later. */
    public static ApiException overloaded(String message, Duration retryAfter) {
        return new ApiException(503, SERVER_ERROR, null, "overloaded", message, retryAfter);
    }

    /** The server's fault. */
    public static ApiException failed(String message) {
        return new ApiException(500, SERVER_ERROR, null, "internal_error", message, null);
    }

    public int status() {
        return status;
    }

    /** The envelope's {@code type}. */
    public String type() {
        return type;
    }

    /** The request's field that is at fault, or null. */
    public String param() {
        return param;
    }

    /** A word for programs. */
    public String code() {
        return code;
    }

    /** When trying again makes sense. */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }

    /** The envelope, as JSON in UTF-8. */
    public byte[] body() {
        return Json.bytes(envelope());
    }

    /** The envelope. */
    public ObjectNode envelope() {
        ObjectNode envelope = Json.object();
        ObjectNode error = envelope.putObject("error").put("message", getMessage())
                .put("type", type).put("param", param).put("code", code);
        if (budget != null) {
            error.set("budget", budget);
        }
        return envelope;
    }
}
