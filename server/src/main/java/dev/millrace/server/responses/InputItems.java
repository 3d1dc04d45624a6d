package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads {@code input} into items of one form each, with ids: what clients may leave out is there,
 * what they may write in two ways is written in one. Items in this form are what is stored.
 */
final class InputItems {

    private static final int ITEMS = 4096;
    private static final int PARTS = 1024;
    private static final int ID_CHARS = 64;
    private static final Set<String> INPUT_ROLES = Set.of("user", "system", "developer");

    private final References references;
    private final List<ObjectNode> items = new ArrayList<>();

    private InputItems(References references) {
        this.references = references;
    }

    /** Where items are that {@code item_reference} names. */
    @FunctionalInterface
    interface References {

        /** The item. @throws ApiException 400 or 404 if there is none */
        ObjectNode item(String id, String path) throws InterruptedException;
    }

    /** Reads them. @throws ApiException 400 that names the item and the field */
    static List<ObjectNode> read(Fields body, References references) throws InterruptedException {
        InputItems reader = new InputItems(references);
        JsonNode input = body.require("input");
        if (!input.isArray()) {
            reader.message("user", new TextParts("input_text").add(Fields.text(input, "input")));
            return reader.items;
        }
        List<JsonNode> nodes = Fields.array(input, "input", ITEMS);
        if (nodes.isEmpty()) {
            throw ApiException.invalid("input", "input must have at least one item");
        }
        for (int i = 0; i < nodes.size(); i++) {
            reader.item(Fields.of(nodes.get(i), "input[" + i + "]"));
        }
        return reader.items;
    }

    private void item(Fields item) throws InterruptedException {
        String type = item.text("type", item.has("role") ? "message" : "item_reference");
        switch (type) {
            case "message" -> message(item);
            case "function_call" -> call(item);
            case "function_call_output" -> output(item);
            case "reasoning" -> reasoning(item);
            case "item_reference" -> items.add(references.item(item.text("id"), item.path("id")));
            default -> throw ApiException.unsupported(item.path("type"), item.path("type") + " \""
                    + Fields.shown(type) + "\" is not supported: this server takes message,"
                    + " function_call, function_call_output, reasoning and item_reference; it runs"
                    + " no tools of its own");
        }
    }

    private void message(Fields item) {
        String role = item.text("role");
        boolean assistant = role.equals("assistant");
        if (!assistant && !INPUT_ROLES.contains(role)) {
            throw ApiException.invalid(item.path("role"), item.path("role")
                    + " must be user, assistant, system or developer, got \""
                    + Fields.shown(role) + "\"");
        }
        TextParts parts = parts(item, "content", assistant ? "output_text" : "input_text");
        ObjectNode message = message(role, parts);
        message.put("id", id(item, ItemIds.MESSAGE));
    }

    private ObjectNode message(String role, TextParts parts) {
        ObjectNode message = Json.object().put("id", ItemIds.next(ItemIds.MESSAGE))
                .put("type", "message").put("status", "completed").put("role", role);
        message.set("content", parts.array);
        items.add(message);
        return message;
    }

    /** Texts in the form of one type. */
    private record TextParts(String type, ArrayNode array) {

        TextParts(String type) {
            this(type, Json.array());
        }

        TextParts add(String text) {
            ObjectNode part = array.addObject().put("type", type).put("text", text);
            if (type.equals("output_text")) {
                part.putArray("annotations");
                part.putArray("logprobs");
            }
            return this;
        }
    }

    private static TextParts parts(Fields item, String name, String type) {
        TextParts parts = new TextParts(type);
        JsonNode content = item.require(name);
        if (!content.isArray()) {
            return parts.add(Fields.text(content, item.path(name)));
        }
        List<JsonNode> nodes = Fields.array(content, item.path(name), PARTS);
        for (int i = 0; i < nodes.size(); i++) {
            Fields part = Fields.of(nodes.get(i), item.path(name) + "[" + i + "]");
            String kind = part.text("type");
            switch (kind) {
                case "input_text", "output_text", "text" -> parts.add(part.text("text"));
                case "refusal" -> parts.add(part.text("refusal"));
                default -> throw ApiException.unsupported(part.path("type"), part.path("type")
                        + " \"" + Fields.shown(kind) + "\" is not supported: this server takes"
                        + " text only, no images, audio or files");
            }
        }
        return parts;
    }

    private void call(Fields item) {
        items.add(Json.object().put("id", id(item, ItemIds.CALL)).put("type", "function_call")
                .put("status", "completed").put("call_id", callId(item))
                .put("name", item.text("name")).put("arguments", item.text("arguments")));
    }

    private void output(Fields item) {
        ObjectNode output = Json.object().put("id", id(item, ItemIds.CALL_OUTPUT))
                .put("type", "function_call_output").put("status", "completed")
                .put("call_id", callId(item));
        JsonNode said = item.require("output");
        if (said.isArray()) {
            output.set("output", parts(item, "output", "input_text").array);
        } else {
            output.put("output", Fields.text(said, item.path("output")));
        }
        items.add(output);
    }

    private static String callId(Fields item) {
        String id = item.text("call_id");
        if (id.isEmpty() || id.length() > ID_CHARS) {
            throw ApiException.invalid(item.path("call_id"), item.path("call_id")
                    + " must have between 1 and " + ID_CHARS + " characters, got " + id.length());
        }
        return id;
    }

    private void reasoning(Fields item) {
        ObjectNode reasoning = Json.object().put("id", id(item, ItemIds.REASONING))
                .put("type", "reasoning");
        texts(item, "summary", "summary_text", reasoning.putArray("summary"));
        texts(item, "content", "reasoning_text", reasoning.putArray("content"));
        if (item.has("encrypted_content")) {
            throw ApiException.unsupported(item.path("encrypted_content"), item.path(
                    "encrypted_content") + " is another server's and cannot be read here; this one"
                    + " gives and takes thoughts in the open, as content or summary");
        }
        items.add(reasoning);
    }

    private static void texts(Fields item, String name, String type, ArrayNode texts) {
        List<JsonNode> nodes = item.array(name, PARTS);
        for (int i = 0; i < nodes.size(); i++) {
            Fields part = Fields.of(nodes.get(i), item.path(name) + "[" + i + "]");
            if (!part.text("type").equals(type)) {
                throw ApiException.invalid(part.path("type"), part.path("type") + " must be "
                        + type + ", got \"" + Fields.shown(part.text("type")) + "\"");
            }
            texts.addObject().put("type", type).put("text", part.text("text"));
        }
    }

    private static String id(Fields item, String prefix) {
        String id = item.text("id", "");
        if (id.length() > ID_CHARS) {
            throw ApiException.invalid(item.path("id"), item.path("id") + " may have at most "
                    + ID_CHARS + " characters, got " + id.length());
        }
        return id.isEmpty() ? ItemIds.next(prefix) : id;
    }
}
