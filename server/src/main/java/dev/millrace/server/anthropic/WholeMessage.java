package dev.millrace.server.anthropic;

import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts the events of an answer together again, as Anthropic's clients do. */
final class WholeMessage implements MessageEvents.Output {

    private static final Map<String, String> GROWING = Map.of("text_delta", "text",
            "thinking_delta", "thinking", "input_json_delta", "partial_json");

    private final JsonMapper reader;
    private final Map<Integer, StringBuilder> pieces = new HashMap<>();
    private ObjectNode message = Json.object();

    /** @param reader for a call's arguments, within limits */
    WholeMessage(JsonMapper reader) {
        this.reader = reader;
    }

    ObjectNode message() {
        return message;
    }

    @Override
    public void event(ObjectNode event) throws IOException {
        switch (event.get("type").stringValue()) {
            case "message_start" -> message = (ObjectNode) event.get("message");
            case "content_block_start" ->
                ((ArrayNode) message.get("content")).add(event.get("content_block"));
            case "content_block_delta" -> {
                JsonNode delta = event.get("delta");
                pieces.computeIfAbsent(event.get("index").intValue(), _ -> new StringBuilder())
                        .append(delta.get(GROWING.get(delta.get("type").stringValue()))
                                .stringValue());
            }
            case "content_block_stop" -> close(event.get("index").intValue());
            case "message_delta" -> {
                message.setAll((ObjectNode) event.get("delta"));
                message.set("usage", event.get("usage"));
            }
            default -> {
                // The end, and pings.
            }
        }
    }

    private void close(int index) {
        ObjectNode block = (ObjectNode) message.get("content").get(index);
        String all = pieces.getOrDefault(index, new StringBuilder()).toString();
        String type = block.get("type").stringValue();
        if (!type.equals("tool_use")) {
            block.put(type, all);
        } else if (!all.isBlank()) {
            block.set("input", reader.readTree(all));
        }
    }

    @Override
    public void keepAlive() {
        // Nobody hears of it before it is complete.
    }

    @Override
    public boolean started() {
        return false;
    }
}
