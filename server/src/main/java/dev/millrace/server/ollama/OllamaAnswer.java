package dev.millrace.server.ollama;

import dev.millrace.server.dialects.ChatListener;
import dev.millrace.server.openai.completion.ResponseStream;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Words an answer as Ollama does: lines of JSON, of which the last has the counts; or without a
 * stream one object with all of it. Calls of tools come whole.
 */
final class OllamaAnswer implements ChatListener {

    private static final byte[] LINE_END = {'\n'};
    /** Blank lines mean nothing to readers of lines of JSON. */
    private static final byte[] BLANK = LINE_END;
    private static final double NANOS_PER_MILLI = 1e6;

    private final String model;
    private final boolean chat;
    private final ResponseStream stream;
    private final JsonMapper reader;
    private final long startNanos = System.nanoTime();
    private final StringBuilder content = new StringBuilder();
    private final StringBuilder thinking = new StringBuilder();
    private final List<Call> calls = new ArrayList<>();
    private ArrayNode logprobs = Json.array(); // not told yet
    private ObjectNode whole;

    private record Call(String name, StringBuilder arguments) {}

    /**
     * @param chat   whether the answer is a message, or else the plain text of a generation
     * @param stream null for an answer in one piece
     * @param reader for a call's arguments, within limits
     */
    OllamaAnswer(String model, boolean chat, ResponseStream stream, JsonMapper reader) {
        this.model = model;
        this.chat = chat;
        this.stream = stream;
        this.reader = reader;
    }

    /** The answer in one piece, once it has ended. */
    ObjectNode whole() {
        return whole;
    }

    @Override
    public void begin(String id, int promptTokens) {
        // The first line is the first piece.
    }

    @Override
    public void logprobs(JsonNode tokens) {
        tokens.forEach(logprobs::add);
    }

    @Override
    public void thought(String piece) throws IOException {
        if (stream == null) {
            thinking.append(piece);
        } else {
            line(piece(model, "", piece, null));
        }
    }

    @Override
    public void text(String piece) throws IOException {
        if (stream == null) {
            content.append(piece);
        } else {
            line(piece(model, piece, "", null));
        }
    }

    @Override
    public void call(int index, String id, String name) {
        calls.add(new Call(name, new StringBuilder()));
    }

    @Override
    public void arguments(int index, String piece) {
        calls.get(index).arguments().append(piece);
    }

    @Override
    public void end(Ending ending) throws IOException {
        if (stream != null && !calls.isEmpty()) {
            line(piece(model, "", "", calls()));
        }
        whole = stream == null
                ? piece(model, content.toString(), thinking.toString(),
                        calls.isEmpty() ? null : calls())
                : piece(model, "", "", null);
        JsonNode usage = ending.usage();
        whole.put("done", true)
                .put("done_reason", ending.finishReason().equals("length") ? "length" : "stop")
                .put("total_duration", System.nanoTime() - startNanos).put("load_duration", 0)
                .put("prompt_eval_count", ending.promptTokens())
                .put("prompt_eval_duration", nanos(usage, "prefill_ms"))
                .put("eval_count", ending.completionTokens())
                .put("eval_duration", nanos(usage, "decode_ms"));
        if (!chat) {
            whole.putArray("context");
        }
        whole.set("usage", usage);
        if (stream != null) {
            line(whole);
        }
    }

    private static long nanos(JsonNode usage, String part) {
        return Math.round(usage.at("/cost_details/" + part).doubleValue(0) * NANOS_PER_MILLI);
    }

    private ArrayNode calls() {
        ArrayNode array = Json.array();
        for (Call call : calls) {
            String arguments = call.arguments().toString();
            array.addObject().putObject("function").put("name", call.name()).set("arguments",
                    arguments.isBlank() ? Json.object() : reader.readTree(arguments));
        }
        return array;
    }

    private ObjectNode piece(String name, String text, String thought, ArrayNode toolCalls) {
        ObjectNode piece = Json.object().put("model", name).put("created_at",
                Instant.now().toString());
        ObjectNode said = piece;
        if (chat) {
            said = piece.putObject("message").put("role", "assistant").put("content", text);
        } else {
            piece.put("response", text);
        }
        if (!thought.isEmpty()) {
            said.put("thinking", thought);
        }
        if (toolCalls != null) {
            said.set("tool_calls", toolCalls);
        }
        if (!logprobs.isEmpty()) {
            piece.set("logprobs", logprobs);
            logprobs = Json.array();
        }
        return piece.put("done", false);
    }

    private void line(ObjectNode node) throws IOException {
        stream.write(Json.bytes(node), LINE_END);
    }

    @Override
    public void keepAlive() throws IOException {
        if (stream != null && stream.started()) {
            stream.keepAlive(BLANK);
        }
    }

    @Override
    public boolean started() {
        return stream != null && stream.started();
    }

    @Override
    public void fail(ApiException failure) throws IOException {
        line(OllamaErrors.envelope(failure));
    }
}
