package dev.millrace.server.openai.wire;

import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** JSON as this server writes it: one line, exact decimals in plain notation. */
public final class Json {

    private static final JsonMapper WRITER = JsonMapper.builder(JsonFactory.builder()
            .enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN).build()).build();

    static final int NAME_CHARS = 256;
    static final int NUMBER_CHARS = 100;

    private Json() {}

    public static ObjectNode object() {
        return WRITER.createObjectNode();
    }

    public static ArrayNode array() {
        return WRITER.createArrayNode();
    }

    public static byte[] bytes(JsonNode node) {
        return WRITER.writeValueAsBytes(node);
    }

    public static String text(JsonNode node) {
        return WRITER.writeValueAsString(node);
    }

    /** A strict reader within limits: no duplicate names, nothing after the value, no NaN. */
    public static JsonMapper reader(HttpLimits limits) {
        StreamReadConstraints constraints = StreamReadConstraints.builder()
                .maxNestingDepth(limits.jsonDepth()).maxTokenCount(limits.jsonValues())
                .maxStringLength(limits.bodyBytes()).maxNameLength(NAME_CHARS)
                .maxNumberLength(NUMBER_CHARS).build();
        return JsonMapper.builder(JsonFactory.builder().streamReadConstraints(constraints)
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    }
}
