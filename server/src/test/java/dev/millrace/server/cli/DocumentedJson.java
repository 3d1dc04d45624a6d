package dev.millrace.server.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * Holds JSON to its schema in {@code docs/json}, as far as those schemas go: types, enumerations,
 * and objects with exactly the properties that are listed.
 */
final class DocumentedJson {

    private static final Path SCHEMAS = Path.of("..", "docs", "json");

    private DocumentedJson() {}

    /** The JSON, which is valid. @param name of the schema */
    static JsonNode parse(String name, String json) throws IOException {
        JsonNode schema = JsonMapper.shared().readTree(
                Files.readAllBytes(SCHEMAS.resolve(name + ".schema.json")));
        JsonNode value = JsonMapper.shared().readTree(json);
        check(schema, value, "$");
        return value;
    }

    private static void check(JsonNode schema, JsonNode value, String place) {
        JsonNode type = schema.path("type");
        List<String> types = type.isArray()
                ? type.valueStream().map(JsonNode::stringValue).toList()
                : List.of(type.stringValue());
        assertThat(types).as(place).contains(type(value));
        if (schema.has("enum")) {
            assertThat(schema.path("enum").valueStream()).as(place).contains(value);
        }
        if (value.isArray()) {
            for (int i = 0; i < value.size(); i++) {
                check(schema.path("items"), value.get(i), place + "[" + i + "]");
            }
        }
        if (value.isObject() && schema.has("properties")) {
            List<String> properties = schema.path("properties").propertyStream()
                    .map(Map.Entry::getKey).toList();
            assertThat(value.propertyStream().map(Map.Entry::getKey)).as(place)
                    .containsExactlyInAnyOrderElementsOf(properties);
            properties.forEach(name -> check(schema.path("properties").path(name),
                    value.path(name), place + "." + name));
        }
    }

    private static String type(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> "object";
            case ARRAY -> "array";
            case STRING -> "string";
            case BOOLEAN -> "boolean";
            case NULL -> "null";
            default -> value.isIntegralNumber() ? "integer" : "number";
        };
    }
}
