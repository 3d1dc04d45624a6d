package dev.millrace.server.openai;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * OpenAI's own OpenAPI description, and what in a JSON value breaks one of its schemas: types,
 * required fields, enumerations, references and alternatives.
 */
final class OpenApiDescription {

    private final JsonNode root;

    OpenApiDescription(Path file) throws Exception {
        root = new JsonMapper().readTree(Files.readString(file));
    }

    /** Complaints, each with the path of the value; empty if the value conforms. */
    List<String> complaints(JsonNode value, String schemaName) {
        List<String> complaints = new ArrayList<>();
        check(value, root.at("/components/schemas/" + schemaName), schemaName, complaints);
        return complaints;
    }

    private void check(JsonNode value, JsonNode schema, String path, List<String> complaints) {
        if (value.isNull() && schema.path("nullable").booleanValue(false)) {
            return;
        }
        if (schema.has("$ref")) {
            String reference = schema.get("$ref").stringValue();
            check(value, root.at(reference.substring(1)), path, complaints);
            return;
        }
        schema.path("allOf").values().forEach(part -> check(value, part, path, complaints));
        checkAlternatives(value, schema.path("anyOf"), path, complaints);
        checkAlternatives(value, schema.path("oneOf"), path, complaints);
        if (schema.has("type") && !isOfType(value, schema.get("type"))) {
            complaints.add(path + " is " + value.getNodeType() + ", not " + schema.get("type"));
            return;
        }
        if (schema.has("enum") && schema.get("enum").valueStream().noneMatch(value::equals)) {
            complaints.add(path + " is " + value + ", not one of " + schema.get("enum"));
        }
        for (JsonNode name : schema.path("required").values()) {
            if (!value.has(name.stringValue())) {
                complaints.add(path + " has no " + name.stringValue());
            }
        }
        for (Map.Entry<String, JsonNode> property : schema.path("properties").properties()) {
            if (value.has(property.getKey())) {
                check(value.get(property.getKey()), property.getValue(),
                        path + "." + property.getKey(), complaints);
            }
        }
        if (value.isArray() && schema.has("items")) {
            value.values().forEach(item -> check(item, schema.get("items"), path + "[]",
                    complaints));
        }
    }

    private void checkAlternatives(JsonNode value, JsonNode alternatives, String path,
            List<String> complaints) {
        List<String> last = new ArrayList<>();
        for (JsonNode alternative : alternatives.values()) {
            last.clear();
            check(value, alternative, path, last);
            if (last.isEmpty()) {
                return;
            }
        }
        complaints.addAll(last);
    }

    private static boolean isOfType(JsonNode value, JsonNode type) {
        if (type.isArray()) {
            return type.valueStream().anyMatch(one -> isOfType(value, one));
        }
        return switch (type.stringValue()) {
            case "object" -> value.isObject();
            case "array" -> value.isArray();
            case "string" -> value.isString();
            case "boolean" -> value.isBoolean();
            case "integer" -> value.isIntegralNumber();
            case "number" -> value.isNumber();
            case "null" -> value.isNull();
            default -> throw new IllegalStateException("an unknown type: " + type);
        };
    }
}
