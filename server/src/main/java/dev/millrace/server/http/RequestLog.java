package dev.millrace.server.http;

import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.RequestNotes;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A line of JSON for every request, when it has been answered: who asked, what ran, what it took
 * and cost. Nothing of what clients or models write, unless the operator wants the former.
 */
final class RequestLog implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RequestLog.class);
    private static final JsonMapper JSON = new JsonMapper();
    private static final String ERROR = RequestLog.class.getName() + ".error";
    private static final double NANOS_PER_MILLI = 1e6;

    private final Path file;
    private final OutputStream output;
    private boolean failing;

    private RequestLog(Path file, OutputStream output) {
        this.file = file;
        this.output = output;
    }

    /** Appends to a file. @throws ServerStartException if it cannot be written */
    static RequestLog open(Path file) {
        try {
            return new RequestLog(file, Files.newOutputStream(file, StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND));
        } catch (IOException e) {
            throw new ServerStartException("cannot write the log of requests " + file + ": "
                    + e.getMessage() + "; --request-log must name a file that can be", e);
        }
    }

    /** Notes how a request was refused, for its line. */
    static void refused(Context context, String code) {
        context.attribute(ERROR, code);
    }

    /** Writes a request's line. */
    void write(Context context, String route, double millis) {
        ObjectNode line = JSON.createObjectNode()
                .put("at", Instant.now().truncatedTo(ChronoUnit.MILLIS).toString())
                .put("request_id", RequestId.of(context)).put("method", context.method().name())
                .put("route", route).put("status", context.statusCode()).put("ms", millis);
        String error = context.attribute(ERROR);
        if (error != null) {
            line.put("error", error);
        }
        Optional<Identity> identity = Identity.ifKnown(context.req());
        identity.ifPresent(who -> line.put("tenant", who.tenant()).put("key", who.keyId()));
        identity.map(who -> who.notes().summary()).ifPresent(notes -> add(line, notes));
        write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private static void add(ObjectNode line, RequestNotes.Summary notes) {
        notes.model().ifPresent(model -> {
            line.put("model", model);
            ArrayNode ids = line.putArray("ids");
            notes.answerIds().forEach(ids::add);
            line.put("prompt_tokens", notes.promptTokens())
                    .put("cached_tokens", notes.cachedTokens())
                    .put("completion_tokens", notes.completionTokens())
                    .put("cost_nano_usd", notes.costNanoUsd().orElse(null))
                    .put("queue_ms", notes.queueNanos() / NANOS_PER_MILLI)
                    .put("first_token_ms", notes.firstTokenNanos() / NANOS_PER_MILLI);
            ArrayNode reasons = line.putArray("finish_reasons");
            notes.finishReasons().forEach(reasons::add);
        });
        notes.text().ifPresent(text -> line.put("request", text));
    }

    /** A line at a time; a full disk stops the log and not the server. */
    private synchronized void write(byte[] line) {
        try {
            output.write(line);
            output.flush();
            failing = false;
        } catch (IOException e) {
            if (!failing) {
                LOG.error("requests are missing in {}: {}", file, e.getMessage());
            }
            failing = true;
        }
    }

    @Override
    public synchronized void close() {
        try {
            output.close();
        } catch (IOException e) {
            LOG.error("the end of {} may be missing: {}", file, e.getMessage());
        }
    }
}
