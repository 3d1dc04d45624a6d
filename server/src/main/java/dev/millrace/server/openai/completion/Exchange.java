package dev.millrace.server.openai.completion;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.openai.wire.RequestBody;
import io.javalin.http.Context;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import tools.jackson.databind.JsonNode;

/**
 * What every route that works does first, whatever the dialect: it takes one of the places of
 * requests that are handled at once, finds out who asks, and reads the body within limits.
 */
public final class Exchange {

    private static final Duration BUSY_RETRY = Duration.ofSeconds(1);

    private final HttpLimits limits;
    private final Semaphore places;
    private final RequestBody bodies;
    private final Function<HttpServletRequest, Caller> callers;

    /** @param callers tells who sent a request */
    public Exchange(HttpLimits limits, Function<HttpServletRequest, Caller> callers) {
        this(limits, new Semaphore(limits.requests()), new RequestBody(limits), callers);
    }

    private Exchange(HttpLimits limits, Semaphore places, RequestBody bodies,
            Function<HttpServletRequest, Caller> callers) {
        this.limits = limits;
        this.places = places;
        this.bodies = bodies;
        this.callers = callers;
    }

    /**
     * The same, with the same places, for bodies that are JSON whatever their Content-Type says:
     * that of plain {@code curl -d} is a form's. Only origins tell a foreign page's form then.
     */
    public Exchange ofAnyType() {
        return new Exchange(limits, places, new RequestBody(limits, true), callers);
    }

    /** What is done for a request with a body; it writes the response itself. */
    @FunctionalInterface
    public interface Work {
        void run(Fields body, Caller caller, HttpServletResponse response)
                throws IOException, InterruptedException;
    }

    /** What is done for a request with a body and gives JSON. */
    @FunctionalInterface
    public interface JsonWork {
        JsonNode run(Fields body, Caller caller) throws IOException, InterruptedException;
    }

    public HttpLimits limits() {
        return limits;
    }

    /** Who sent a request. */
    public Caller caller(Context context) {
        return callers.apply(context.req());
    }

    /** What is done for a request that is no JSON, and may take a while. */
    @FunctionalInterface
    public interface Transfer {
        void run() throws IOException, InterruptedException;
    }

    /** @throws ApiException 503 if too many requests are handled, or what reading the body finds */
    public void run(Context context, Work work) throws IOException, InterruptedException {
        take(() -> {
            Caller caller = caller(context);
            Fields body = bodies.read(context.req());
            if (caller.identity().notes().keepsText()) {
                caller.identity().notes().text(body.toString());
            }
            work.run(body, caller, context.res());
        });
    }

    /** Does something that takes one of the places. @throws ApiException 503 if none is left */
    public void take(Transfer transfer) throws IOException, InterruptedException {
        if (!places.tryAcquire()) {
            throw ApiException.overloaded("this server handles at most " + limits.requests()
                    + " requests at once", BUSY_RETRY);
        }
        try {
            transfer.run();
        } finally {
            places.release();
        }
    }

    /** The same where the answer is JSON. */
    public void json(Context context, JsonWork work) throws IOException, InterruptedException {
        run(context, (body, caller, response) -> json(response, caller, work.run(body, caller)));
    }

    /** Answers with JSON and what the caller has left. */
    public static void json(HttpServletResponse response, Caller caller, JsonNode body)
            throws IOException {
        byte[] bytes = Json.bytes(body);
        caller.identity().quota().headers().forEach(response::setHeader);
        response.setStatus(HttpServletResponse.SC_OK);
        response.setContentType("application/json");
        response.setContentLength(bytes.length);
        response.getOutputStream().write(bytes);
    }

    /** Answers with JSON. */
    public static void json(Context context, JsonNode body) {
        context.contentType("application/json").result(Json.bytes(body));
    }
}
