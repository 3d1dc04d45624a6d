package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.Json;
import java.io.IOException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * An item of a response as it grows: what it is called in events, and where its text goes in the
 * end.
 */
final class OpenItem {

    /** What an item is made of. */
    enum Kind {
        MESSAGE("response.output_text", "text", "content"),
        THOUGHT("response.reasoning_text", "text", "content"),
        SUMMARY("response.reasoning_summary_text", "text", "summary"),
        CALL("response.function_call_arguments", "arguments", "");

        private final String event;
        private final String field;
        private final String list;

        Kind(String event, String field, String list) {
            this.event = event;
            this.field = field;
            this.list = list;
        }
    }

    private final Kind kind;
    private final int index;
    private final ObjectNode item;
    private final EventWriter events;
    private final StringBuilder text = new StringBuilder();
    private final ArrayNode logprobs = Json.array();

    private OpenItem(Kind kind, int index, ObjectNode item, EventWriter events) {
        this.kind = kind;
        this.index = index;
        this.item = item;
        this.events = events;
    }

    /**
     * Opens one.
     *
     * @param item without its text
     */
    static OpenItem open(Kind kind, int index, ObjectNode item, EventWriter events)
            throws IOException {
        OpenItem open = new OpenItem(kind, index, item, events);
        item.put("status", "in_progress");
        ObjectNode event = events.event("response.output_item.added").put("output_index", index);
        event.set("item", item.deepCopy());
        events.send(event);
        if (kind != Kind.CALL) {
            ObjectNode part = open.placed(kind == Kind.SUMMARY
                    ? "response.reasoning_summary_part.added"
                    : "response.content_part.added");
            part.set("part", open.part());
            events.send(part);
        }
        return open;
    }

    Kind kind() {
        return kind;
    }

    /** The item, complete once it is closed. */
    ObjectNode item() {
        return item;
    }

    String text() {
        return text.toString();
    }

    /** Adds a piece. @param tokens its log probabilities; empty where nobody asked */
    void append(String piece, ArrayNode tokens) throws IOException {
        text.append(piece);
        logprobs.addAll(tokens);
        ObjectNode delta = placed(kind.event + ".delta").put("delta", piece);
        if (kind == Kind.MESSAGE) {
            delta.set("logprobs", Logprobs.ofEvent(tokens));
        }
        events.send(delta);
    }

    /** Ends it. @param status {@code completed} or {@code incomplete} */
    void close(String status) throws IOException {
        ObjectNode done = placed(kind.event + ".done").put(kind.field, text.toString());
        if (kind == Kind.MESSAGE) {
            done.set("logprobs", Logprobs.ofEvent(logprobs));
        }
        if (kind == Kind.CALL) {
            done.set("name", item.get("name"));
            item.put("arguments", text.toString());
        }
        events.send(done);
        if (kind != Kind.CALL) {
            ObjectNode part = placed(kind == Kind.SUMMARY
                    ? "response.reasoning_summary_part.done"
                    : "response.content_part.done");
            part.set("part", part());
            events.send(part);
            item.withArray(kind.list).add(part());
        }
        item.put("status", status);
        ObjectNode event = events.event("response.output_item.done").put("output_index", index);
        event.set("item", item.deepCopy());
        events.send(event);
    }

    /** An event about this item's only part. */
    private ObjectNode placed(String type) {
        ObjectNode event = events.event(type).put("output_index", index);
        event.set("item_id", item.get("id"));
        return switch (kind) {
            case CALL -> event;
            case SUMMARY -> event.put("summary_index", 0);
            case MESSAGE, THOUGHT -> event.put("content_index", 0);
        };
    }

    private ObjectNode part() {
        ObjectNode part = Json.object().put("type", switch (kind) {
            case MESSAGE -> "output_text";
            case THOUGHT -> "reasoning_text";
            case SUMMARY -> "summary_text";
            case CALL -> throw new IllegalStateException("a call has no parts");
        }).put("text", text.toString());
        if (kind == Kind.MESSAGE) {
            part.putArray("annotations");
            JsonNode complete = Logprobs.ofItem(logprobs);
            part.set("logprobs", complete);
        }
        return part;
    }
}
