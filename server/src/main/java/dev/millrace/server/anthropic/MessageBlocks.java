package dev.millrace.server.anthropic;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts Anthropic's messages, made of blocks, into OpenAI's, made of fields. */
final class MessageBlocks {

    private static final int MESSAGES = 4096;
    private static final int BLOCKS = 1024;

    private final ArrayNode messages;

    private MessageBlocks(ArrayNode messages) {
        this.messages = messages;
    }

    /** Adds {@code messages}. @throws ApiException 400 that names the message and the block */
    static void add(Fields body, ArrayNode messages) {
        MessageBlocks blocks = new MessageBlocks(messages);
        List<JsonNode> nodes = Fields.array(body.require("messages"), "messages", MESSAGES);
        if (nodes.isEmpty()) {
            throw ApiException.invalid("messages", "messages must have at least one message");
        }
        String role = "";
        for (int i = 0; i < nodes.size(); i++) {
            Fields message = Fields.of(nodes.get(i), "messages[" + i + "]");
            role = message.text("role");
            switch (role) {
                case "user" -> blocks.user(message);
                case "assistant" -> blocks.assistant(message);
                default -> throw ApiException.invalid(message.path("role"), message.path("role")
                        + " must be user or assistant, got \"" + Fields.shown(role)
                        + "\"; a system prompt goes into the field system");
            }
        }
        if (role.equals("assistant")) {
            throw ApiException.unsupported("messages", "the last message is the assistant's, but"
                    + " this server cannot continue one; end with a message of the user");
        }
    }

    /** A text, or blocks of text that become parts. */
    static JsonNode texts(Fields from, String name) {
        JsonNode content = from.require(name);
        if (!content.isArray()) {
            Fields.text(content, from.path(name));
            return content;
        }
        ArrayNode parts = Json.array();
        List<JsonNode> nodes = Fields.array(content, from.path(name), BLOCKS);
        for (int i = 0; i < nodes.size(); i++) {
            Fields block = Fields.of(nodes.get(i), from.path(name) + "[" + i + "]");
            requireText(block);
            part(parts, block.text("text"));
        }
        return parts;
    }

    private static void requireText(Fields block) {
        String type = block.text("type");
        if (!type.equals("text")) {
            throw ApiException.unsupported(block.path("type"), block.path("type") + " \""
                    + Fields.shown(type) + "\" is not supported here: this server takes text only");
        }
    }

    private static void part(ArrayNode parts, String text) {
        parts.addObject().put("type", "text").put("text", text);
    }

    private void user(Fields message) {
        JsonNode content = message.require("content");
        if (!content.isArray()) {
            say("user", texts(message, "content"));
            return;
        }
        ArrayNode parts = Json.array();
        List<JsonNode> nodes = Fields.array(content, message.path("content"), BLOCKS);
        for (int i = 0; i < nodes.size(); i++) {
            Fields block = Fields.of(nodes.get(i), message.path("content") + "[" + i + "]");
            if (block.text("type").equals("tool_result")) {
                result(block);
            } else {
                requireText(block);
                part(parts, block.text("text"));
            }
        }
        if (!parts.isEmpty()) {
            say("user", parts);
        }
    }

    /** A failed call is told to the model in words: templates have no field for it. */
    private void result(Fields block) {
        ObjectNode message = messages.addObject().put("role", "tool").put("tool_call_id",
                block.text("tool_use_id"));
        JsonNode content = block.has("content") ? texts(block, "content") : null;
        if (!block.flag("is_error", false)) {
            message.set("content", content == null ? Json.array() : content);
            return;
        }
        ArrayNode parts = message.putArray("content");
        part(parts, "Error:");
        if (content instanceof ArrayNode texts) {
            parts.addAll(texts);
        } else if (content != null) {
            part(parts, content.stringValue());
        }
    }

    private void say(String role, JsonNode content) {
        messages.addObject().put("role", role).set("content", content);
    }

    private void assistant(Fields message) {
        JsonNode content = message.require("content");
        if (!content.isArray()) {
            say("assistant", texts(message, "content"));
            return;
        }
        ObjectNode said = messages.addObject().put("role", "assistant");
        ArrayNode parts = Json.array();
        StringBuilder thoughts = new StringBuilder();
        ArrayNode calls = Json.array();
        List<JsonNode> nodes = Fields.array(content, message.path("content"), BLOCKS);
        for (int i = 0; i < nodes.size(); i++) {
            Fields block = Fields.of(nodes.get(i), message.path("content") + "[" + i + "]");
            switch (block.text("type")) {
                case "thinking" -> thoughts.append(block.text("thinking"));
                case "tool_use" -> call(calls, block);
                default -> {
                    requireText(block);
                    part(parts, block.text("text"));
                }
            }
        }
        said.set("content", parts);
        if (!thoughts.isEmpty()) {
            said.put("reasoning_content", thoughts.toString());
        }
        if (!calls.isEmpty()) {
            said.set("tool_calls", calls);
        }
    }

    private static void call(ArrayNode calls, Fields block) {
        block.require("input");
        block.object("input");
        calls.addObject().put("id", block.text("id")).put("type", "function")
                .putObject("function").put("name", block.text("name"))
                .put("arguments", Json.text(block.require("input")));
    }
}
