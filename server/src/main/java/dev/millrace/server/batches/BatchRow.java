package dev.millrace.server.batches;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A request within a batch.
 *
 * @param line     of the file, from 1
 * @param customId what its results are called
 * @param body     as a live request has it
 */
record BatchRow(long line, String customId, String model, ObjectNode body) {

    private static final int CUSTOM_ID_CHARS = 256;
    private static final int BAD_REQUEST = 400;

    /**
     * Reads a row.
     *
     * @param endpoint of the batch
     * @throws ApiException that names the field
     */
    static BatchRow read(JsonLines.Line line, String endpoint, JsonMapper reader) {
        Fields fields = new Fields(object(line, reader));
        String customId = fields.text("custom_id");
        if (customId.isEmpty() || customId.length() > CUSTOM_ID_CHARS) {
            throw ApiException.invalid("custom_id", "custom_id must have 1 to " + CUSTOM_ID_CHARS
                    + " characters, got " + customId.length());
        }
        String method = fields.text("method");
        if (!method.equals("POST")) {
            throw ApiException.refused(BAD_REQUEST, "method", "invalid_method",
                    "method must be POST, got \"" + Fields.shown(method) + "\"");
        }
        String url = fields.text("url");
        if (!url.equals(endpoint)) {
            throw ApiException.refused(BAD_REQUEST, "url", "invalid_url", "url must be the batch's"
                    + " endpoint " + endpoint + ", got \"" + Fields.shown(url) + "\"");
        }
        fields.require("body");
        Fields body = fields.object("body");
        return new BatchRow(line.number(), customId, body.text("model"),
                (ObjectNode) fields.require("body"));
    }

    private static ObjectNode object(JsonLines.Line line, JsonMapper reader) {
        if (line.text() == null) {
            throw unreadable(line.problem());
        }
        try {
            JsonNode node = reader.readTree(line.text());
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw unreadable("the line must be a JSON object, got " + Fields.kind(node));
        } catch (JacksonException e) {
            throw unreadable("the line is not valid JSON, or beyond the limits of a request's");
        }
    }

    private static ApiException unreadable(String why) {
        return ApiException.refused(BAD_REQUEST, null, "invalid_json_line", why);
    }
}
