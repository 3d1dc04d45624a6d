package dev.millrace.server.http;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.ErrorWording;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns whatever a handler throws into the error envelope; details stay in the log. */
final class ErrorResponses {

    private static final Logger LOG = LoggerFactory.getLogger(ErrorResponses.class);
    private static final int BAD_REQUEST = 400;
    private static final int METHOD_NOT_ALLOWED = 405;
    private static final int NOT_FOUND = 404;
    /** What nginx logs for a client that left; never sent to anybody. */
    private static final int CLIENT_CLOSED_REQUEST = 499;
    private static final String VERSION = "/v1";
    private static final Set<String> WITHOUT_VERSION = Set.of("/chat/completions", "/completions",
            "/embeddings", "/models", "/responses", "/messages", "/files", "/batches");
    private static final Duration LEDGER_RETRY = Duration.ofSeconds(5);

    private final AccessControl access;
    private final List<ErrorWording> wordings;

    /**
     * @param access   decides who may know what is no route
     * @param wordings of paths whose errors are not worded like OpenAI's
     */
    ErrorResponses(AccessControl access, List<ErrorWording> wordings) {
        this.access = access;
        this.wordings = List.copyOf(wordings);
    }

    void register(RoutesConfig routes) {
        routes.exception(ApiException.class, this::write);
        routes.exception(LedgerException.class, this::withoutLedger);
        routes.exception(HttpResponseException.class, this::unrouted);
        routes.exception(IOException.class, this::unread);
        routes.exception(Exception.class, this::failed);
    }

    private void unrouted(HttpResponseException e, Context context) {
        try {
            access.require(context);
            write(routing(e, context), context);
        } catch (ApiException denied) {
            write(denied, context);
        }
    }

    private static ApiException routing(HttpResponseException e, Context context) {
        String what = context.method() + " " + context.path();
        return switch (e.getStatus()) {
            case NOT_FOUND -> ApiException.refused(NOT_FOUND, null, "unknown_url",
                    "there is nothing at " + what + advice(context.path()));
            case METHOD_NOT_ALLOWED -> {
                String allowed = e.getDetails().getOrDefault("availableMethods", "");
                context.header("Allow", allowed);
                yield ApiException.refused(METHOD_NOT_ALLOWED, null, "method_not_allowed",
                        what + " is not allowed; use " + allowed);
            }
            default -> ApiException.refused(e.getStatus(), null, "bad_request", e.getMessage());
        };
    }

    /** What whoever set a client's base URL may have meant. */
    private static String advice(String path) {
        if (path.startsWith(VERSION + VERSION + "/")) {
            return "; the client adds " + VERSION + " by itself, so leave it out of its base URL";
        }
        return WITHOUT_VERSION.contains(path)
                ? "; it is " + VERSION + path + ": let the client's base URL end in " + VERSION
                : "";
    }

    /** Jetty tells a client that left and a body with wrong framing apart no more than this. */
    private void unread(IOException e, Context context) {
        if (!PeekingEndPoint.of(context.req()).closedByClient()) {
            write(ApiException.refused(BAD_REQUEST, null, "bad_request", "the body could not be"
                    + " read; it must be as long as its Content-Length or its chunks say"),
                    context);
            return;
        }
        LOG.debug("{}: the client vanished: {}", RequestId.of(context), e.toString());
        context.status(CLIENT_CLOSED_REQUEST);
    }

    private void withoutLedger(LedgerException e, Context context) {
        LOG.error("{} {}: {}", context.method(), context.path(), e.getMessage());
        write(ApiException.overloaded("the server cannot use its ledger for now", LEDGER_RETRY),
                context);
    }

    private void failed(Exception e, Context context) {
        if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        LOG.error("{} {} failed, request {}", context.method(), context.path(),
                RequestId.of(context), e);
        write(ApiException.failed("the server failed; its log says more under request "
                + RequestId.of(context)), context);
    }

    /** What the JVM itself throws, such as for want of memory; the server goes on. */
    static void fatal(HttpServletResponse response, Error error) {
        LOG.error("a request failed", error);
        if (response.isCommitted()) {
            return;
        }
        ApiException answer = ApiException.failed("the server failed; see its log");
        response.setStatus(answer.status());
        response.setContentType("application/json");
        try {
            response.getOutputStream().write(answer.body());
        } catch (IOException e) {
            LOG.debug("the client vanished: {}", e.toString());
        }
    }

    private void write(ApiException e, Context context) {
        RequestLog.refused(context, e.code());
        e.retryAfter().ifPresent(wait -> context
                .header("Retry-After", Long.toString(Math.max(1, wait.plusMillis(999).toSeconds())))
                .header("retry-after-ms", Long.toString(Math.max(1, wait.toMillis()))));
        if (!context.res().isCommitted()) {
            String path = context.path();
            Optional<ErrorWording> wording = wordings.stream().filter(one -> one.covers(path))
                    .findFirst();
            context.status(wording.map(one -> one.status(e)).orElse(e.status()))
                    .contentType("application/json").result(wording
                            .map(one -> one.body(e, RequestId.of(context))).orElseGet(e::body));
        }
    }
}
