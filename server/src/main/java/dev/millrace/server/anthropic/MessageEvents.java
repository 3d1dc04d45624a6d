package dev.millrace.server.anthropic;

import dev.millrace.server.dialects.ChatListener;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Words an answer as the events of Anthropic's streams: a message of blocks, one after another. */
final class MessageEvents implements ChatListener {

    private static final String NONE = "";

    /** Where events go. */
    interface Output {

        /** An event; its name is its {@code type}. */
        void event(ObjectNode event) throws IOException;

        void keepAlive() throws IOException;

        boolean started();
    }

    private final String model;
    private final Output output;
    private int blocks;
    private String open = NONE;

    MessageEvents(String model, Output output) {
        this.model = model;
        this.output = output;
    }

    private static ObjectNode event(String type) {
        return Json.object().put("type", type);
    }

    @Override
    public void begin(String id, int promptTokens) throws IOException {
        ObjectNode event = event("message_start");
        ObjectNode message = event.putObject("message").put("id", id).put("type", "message")
                .put("role", "assistant").put("model", model);
        message.putArray("content");
        message.putNull("stop_reason").putNull("stop_sequence");
        usage(message.putObject("usage"), promptTokens, 0, 0);
        output.event(event);
    }

    /** Anthropic counts cached tokens apart from the others. */
    private static void usage(ObjectNode usage, int promptTokens, int cachedTokens,
            int completionTokens) {
        usage.put("input_tokens", promptTokens - cachedTokens)
                .put("cache_creation_input_tokens", 0)
                .put("cache_read_input_tokens", cachedTokens)
                .put("output_tokens", completionTokens);
    }

    @Override
    public void thought(String piece) throws IOException {
        if (!open.equals("thinking")) {
            start("thinking", Json.object().put("type", "thinking").put("thinking", "")
                    .put("signature", ""));
        }
        delta("thinking_delta", "thinking", piece);
    }

    @Override
    public void text(String piece) throws IOException {
        if (!open.equals("text")) {
            start("text", Json.object().put("type", "text").put("text", ""));
        }
        delta("text_delta", "text", piece);
    }

    @Override
    public void call(int index, String id, String name) throws IOException {
        ObjectNode block = Json.object().put("type", "tool_use").put("id", id).put("name", name);
        block.putObject("input");
        start("tool_use", block);
    }

    @Override
    public void arguments(int index, String piece) throws IOException {
        delta("input_json_delta", "partial_json", piece);
    }

    private void start(String kind, ObjectNode block) throws IOException {
        stop();
        open = kind;
        ObjectNode event = event("content_block_start").put("index", blocks);
        event.set("content_block", block);
        output.event(event);
    }

    private void delta(String type, String field, String piece) throws IOException {
        ObjectNode event = event("content_block_delta").put("index", blocks);
        event.putObject("delta").put("type", type).put(field, piece);
        output.event(event);
    }

    private void stop() throws IOException {
        if (!open.equals(NONE)) {
            output.event(event("content_block_stop").put("index", blocks++));
            open = NONE;
        }
    }

    @Override
    public void end(Ending ending) throws IOException {
        stop();
        ObjectNode event = event("message_delta");
        event.putObject("delta").put("stop_reason", stopReason(ending)).put("stop_sequence",
                ending.stopSequence());
        ObjectNode usage = event.putObject("usage");
        usage(usage, ending.promptTokens(), ending.cachedTokens(), ending.completionTokens());
        for (String cost : new String[]{"cost", "cost_details"}) {
            JsonNode value = ending.usage().get(cost);
            if (value != null) {
                usage.set(cost, value);
            }
        }
        output.event(event);
        output.event(event("message_stop"));
    }

    private static String stopReason(Ending ending) {
        return switch (ending.finishReason()) {
            case "length" -> "max_tokens";
            case "tool_calls" -> "tool_use";
            default -> ending.stopSequence() == null ? "end_turn" : "stop_sequence";
        };
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
        output.event(AnthropicErrors.envelope(failure));
    }
}
