package dev.millrace.server.batches;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Json;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Why a batch failed, as OpenAI lists it: the first of many reasons. */
final class BatchErrors {

    private static final int MOST = 100;

    private final ArrayNode list = Json.array();

    /** Of the file as a whole. */
    static BatchErrors of(String code, String message) {
        BatchErrors errors = new BatchErrors();
        errors.add(code, message, null, 0);
        return errors;
    }

    void add(ApiException error, long line) {
        add(error.code(), error.getMessage(), error.param(), line);
    }

    /** @param line 0 for all of them */
    void add(String code, String message, String param, long line) {
        ObjectNode error = list.addObject().put("code", code).put("message", message).put("param",
                param);
        if (line == 0) {
            error.putNull("line");
        } else {
            error.put("line", line);
        }
    }

    boolean isEmpty() {
        return list.isEmpty();
    }

    /** Whether there are as many as anybody wants to read. */
    boolean isFull() {
        return list.size() >= MOST;
    }

    /** As a JSON array; null for none. */
    String text() {
        return list.isEmpty() ? null : Json.text(list);
    }
}
