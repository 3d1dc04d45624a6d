package dev.millrace.server.responses;

import dev.millrace.server.dialects.ChatListener;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.responses.OpenItem.Kind;
import java.io.IOException;
import java.time.Clock;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Makes a response of a chat's answer as it grows, and tells of every step. */
final class ResponseBuilder implements ChatListener {

    /** Keeps a response that has ended. */
    @FunctionalInterface
    interface Keeper {

        /** @return whether it could be kept */
        boolean keep(ObjectNode response);
    }

    private final ResponseRequest request;
    private final EventOutput output;
    private final EventWriter events;
    private final Keeper keeper;
    private final JsonMapper reader;
    private final Clock clock;
    private ObjectNode response = Json.object();
    private ArrayNode pending = Json.array();
    private OpenItem open;
    private boolean begun;

    /** @param reader for a call's arguments, within limits */
    ResponseBuilder(ResponseRequest request, EventOutput output, Keeper keeper, JsonMapper reader,
            Clock clock) {
        this.request = request;
        this.output = output;
        this.events = new EventWriter(output);
        this.keeper = keeper;
        this.reader = reader;
        this.clock = clock;
    }

    /** The response, once it has ended. */
    ObjectNode response() {
        return response;
    }

    @Override
    public void accepted(String id) throws IOException {
        if (request.background()) {
            create(id, "queued");
            tell("response.queued");
        }
    }

    @Override
    public void begin(String id, int promptTokens) throws IOException {
        if (!begun) {
            create(id, "in_progress");
        }
        response.put("status", "in_progress");
        tell("response.in_progress");
    }

    private void create(String id, String status) throws IOException {
        begun = true;
        response = Json.object().put("id", id).put("object", "response").put("created_at",
                clock.instant().getEpochSecond()).put("status", status)
                .putNull("completed_at").putNull("error").putNull("incomplete_details");
        response.setAll(request.response());
        response.putArray("output");
        tell("response.created");
    }

    private void tell(String type) throws IOException {
        ObjectNode event = events.event(type);
        event.set("response", response.deepCopy());
        events.send(event);
    }

    private ArrayNode output() {
        return (ArrayNode) response.get("output");
    }

    @Override
    public void logprobs(JsonNode tokens) {
        pending.addAll((ArrayNode) tokens);
    }

    private ArrayNode takeLogprobs() {
        ArrayNode taken = pending;
        pending = Json.array();
        return taken;
    }

    @Override
    public void thought(String piece) throws IOException {
        Kind kind = request.summarises() ? Kind.SUMMARY : Kind.THOUGHT;
        if (!isOpen(kind)) {
            ObjectNode item = Json.object().put("id", ItemIds.next(ItemIds.REASONING))
                    .put("type", "reasoning");
            item.putArray("summary");
            if (kind == Kind.THOUGHT) {
                item.putArray("content");
            }
            begin(kind, item.putNull("encrypted_content"));
        }
        takeLogprobs(); // only the answer's own are shown
        open.append(piece, Json.array());
    }

    @Override
    public void text(String piece) throws IOException {
        if (!isOpen(Kind.MESSAGE)) {
            beginMessage();
        }
        open.append(piece, takeLogprobs());
    }

    private void beginMessage() throws IOException {
        ObjectNode item = Json.object().put("id", ItemIds.next(ItemIds.MESSAGE))
                .put("type", "message").put("role", "assistant");
        item.putArray("content");
        begin(Kind.MESSAGE, item);
    }

    @Override
    public void call(int index, String id, String name) throws IOException {
        begin(Kind.CALL, Json.object().put("id", ItemIds.next(ItemIds.CALL))
                .put("type", "function_call").put("call_id", id).put("name", name)
                .put("arguments", ""));
    }

    @Override
    public void arguments(int index, String piece) throws IOException {
        takeLogprobs();
        open.append(piece, Json.array());
    }

    private boolean isOpen(Kind kind) {
        return open != null && open.kind() == kind;
    }

    private void begin(Kind kind, ObjectNode item) throws IOException {
        close(true);
        open = OpenItem.open(kind, output().size(), item, events);
        output().add(item);
    }

    /** A call is complete if its arguments are: others are what a limit or the model cut off. */
    private void close(boolean ended) throws IOException {
        if (open != null) {
            boolean whole = ended && (open.kind() != Kind.CALL || isJson(open.text()));
            open.close(whole ? "completed" : "incomplete");
            open = null;
        }
    }

    private boolean isJson(String text) {
        try {
            return reader.readTree(text).isObject();
        } catch (JacksonException e) {
            return false;
        }
    }

    @Override
    public void end(Ending ending) throws IOException {
        boolean whole = !ending.finishReason().equals("length");
        if (open == null) {
            beginMessage(); // a model may say nothing at all
        }
        if (isOpen(Kind.MESSAGE) && !pending.isEmpty()) {
            open.append("", takeLogprobs());
        }
        close(whole);
        response.put("status", whole ? "completed" : "incomplete");
        if (whole) {
            response.put("completed_at", clock.instant().getEpochSecond());
        } else {
            response.putObject("incomplete_details").put("reason", "max_output_tokens");
        }
        response.set("usage", usage(ending));
        keep();
        tell(whole ? "response.completed" : "response.incomplete");
    }

    private void keep() {
        if (request.stores()) {
            response.put("store", keeper.keep(response));
        }
    }

    private static ObjectNode usage(Ending ending) {
        JsonNode chat = ending.usage();
        ObjectNode usage = Json.object().put("input_tokens", ending.promptTokens());
        usage.putObject("input_tokens_details").put("cached_tokens", ending.cachedTokens())
                .put("cache_write_tokens", 0);
        usage.put("output_tokens", ending.completionTokens());
        usage.set("output_tokens_details", chat.get("completion_tokens_details"));
        usage.put("total_tokens", ending.promptTokens() + ending.completionTokens());
        for (String cost : new String[]{"cost", "cost_details"}) {
            usage.set(cost, chat.get(cost));
        }
        return usage;
    }

    /** Nobody wants it any more. */
    void cancelled() throws IOException {
        close(false);
        response.put("status", "cancelled");
        keep();
    }

    @Override
    public void keepAlive() throws IOException {
        output.keepAlive();
    }

    @Override
    public boolean started() {
        return output.started();
    }

    @Override
    public void fail(ApiException failure) throws IOException {
        if (!begun) {
            events.send(events.event("error").put("code", failure.code())
                    .put("message", failure.getMessage()).put("param", failure.param()));
            return;
        }
        close(false);
        response.put("status", "failed");
        response.putObject("error").put("code", "server_error").put("message",
                failure.getMessage());
        keep();
        tell("response.failed");
    }
}
