package dev.millrace.server.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** Reports as JSON: records with their components in snake case, whose schemas are documented. */
public final class JsonOutput {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();
    /** Longer lists, such as vocabularies, and texts would drown the rest. */
    private static final int MOST_ELEMENTS = 64;
    private static final int MOST_CHARACTERS = 1 << 16;

    private JsonOutput() {}

    /** One line. */
    public static String text(Object report) {
        return MAPPER.writeValueAsString(report);
    }

    /** A file's metadata, whose longest lists and texts are replaced by their lengths. */
    static Map<String, Object> shortened(Map<String, Object> metadata) {
        Map<String, Object> result = new LinkedHashMap<>();
        metadata.forEach((key, value) -> result.put(key, shortened(value)));
        return result;
    }

    private static Object shortened(Object value) {
        if (value instanceof List<?> list) {
            return list.size() > MOST_ELEMENTS
                    ? Map.of("elements", list.size())
                    : list.stream().map(JsonOutput::shortened).toList();
        }
        if (value instanceof String text && text.length() > MOST_CHARACTERS) {
            return Map.of("characters", text.length());
        }
        return value;
    }
}
