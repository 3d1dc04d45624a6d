package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Puts items, as {@link InputItems} reads them, into the messages of a chat: what the model
 * thought, said and called in one go is several items and one message.
 */
final class ChatTurns {

    private static final String CONTENT = "content";
    private static final String CALLS = "tool_calls";
    private static final String THOUGHTS = "reasoning_content";

    private final ArrayNode messages = Json.array();
    private final Set<String> calls = new HashSet<>();
    private ObjectNode last = Json.object();

    /** @param instructions what the model is told first; empty for nothing */
    ChatTurns(String instructions) {
        if (!instructions.isEmpty()) {
            begin("system").putArray(CONTENT).addObject().put("type", "text").put("text",
                    instructions);
        }
    }

    /** The messages so far; one of thoughts alone says nothing. */
    ArrayNode messages() {
        for (JsonNode message : messages.values()) {
            if (!message.has(CONTENT) && !message.has(CALLS)) {
                ((ObjectNode) message).put(CONTENT, "");
            }
        }
        return messages;
    }

    /** Adds items. @throws ApiException 400 for an output of a call that nobody made */
    ChatTurns add(List<ObjectNode> items) {
        items.forEach(this::add);
        return this;
    }

    private void add(ObjectNode item) {
        switch (item.get("type").stringValue()) {
            case "message" -> message(item);
            case "reasoning" -> thought(item);
            case "function_call" -> call(item);
            case "function_call_output" -> output(item);
            default -> throw new IllegalStateException("an unknown item: " + item);
        }
    }

    private ObjectNode begin(String role) {
        last = messages.addObject().put("role", role);
        return last;
    }

    private boolean continues(String role) {
        return last.path("role").stringValue("").equals(role);
    }

    /** What instructs at the beginning is one message: few templates take two. */
    private void message(ObjectNode item) {
        String role = item.get("role").stringValue();
        if (role.equals("assistant")) {
            // What a model says after its calls, or after what it said, is another message.
            ObjectNode said = continues(role) && !last.has(CALLS) && !last.has(CONTENT)
                    ? last
                    : begin(role);
            texts(item.get(CONTENT), said.putArray(CONTENT));
            return;
        }
        boolean instructs = !role.equals("user");
        boolean first = messages.size() == 1 && continues("system");
        ObjectNode message = instructs && first ? last : begin(instructs ? "system" : role);
        texts(item.get(CONTENT), message.withArray(CONTENT));
    }

    private static void texts(JsonNode parts, ArrayNode texts) {
        parts.values().forEach(part -> texts.addObject().put("type", "text").put("text",
                part.get("text").stringValue()));
    }

    /** Thoughts come before what follows from them. */
    private void thought(ObjectNode item) {
        StringBuilder text = new StringBuilder();
        JsonNode parts = item.path(CONTENT).isEmpty() ? item.path("summary") : item.path(CONTENT);
        parts.values().forEach(part -> text.append(part.get("text").stringValue()));
        if (!text.isEmpty()) {
            begin("assistant").put(THOUGHTS, text.toString());
        }
    }

    private void call(ObjectNode item) {
        ObjectNode message = continues("assistant") ? last : begin("assistant");
        String id = item.get("call_id").stringValue();
        calls.add(id);
        message.withArray(CALLS).addObject().put("id", id).put("type", "function")
                .putObject("function").put("name", item.get("name").stringValue())
                .put("arguments", item.get("arguments").stringValue());
    }

    private void output(ObjectNode item) {
        String id = item.get("call_id").stringValue();
        if (!calls.contains(id)) {
            throw ApiException.invalid("input", "input has the output of the call "
                    + Fields.shown(id)
                    + ", but not the function_call before it; send the call too, or continue its"
                    + " response with previous_response_id");
        }
        ObjectNode message = begin("tool").put("tool_call_id", id);
        JsonNode output = item.get("output");
        if (output.isArray()) {
            texts(output, message.putArray(CONTENT));
        } else {
            message.set(CONTENT, output);
        }
    }
}
