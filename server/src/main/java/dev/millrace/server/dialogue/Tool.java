package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.schema.MemberKind;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A function that a model may call.
 *
 * @param name       of letters, digits, _ and -
 * @param parameters JSON Schema of an object
 * @param strict     whether to refuse a schema that cannot be enforced rather than to take any
 *                   object
 */
public record Tool(String name, String description, JsonNode parameters, boolean strict) {

    private static final JsonMapper JSON = new JsonMapper();

    /** The definition as templates know it, in OpenAI's words and with all that they look for. */
    public ObjectNode definition() {
        ObjectNode definition = JSON.createObjectNode().put("type", "function");
        definition.putObject("function").put("name", name).put("description", description)
                .set("parameters", parameters);
        return definition;
    }

    /** The definition as maps, lists and values. */
    Object plain() {
        return JSON.treeToValue(definition(), Object.class);
    }

    /** How the arguments of each of these tools are to be taken, by their names. */
    static Map<String, Map<String, MemberKind>> memberKinds(List<Tool> tools) {
        return tools.stream().collect(Collectors.toMap(Tool::name,
                tool -> MemberKind.named(tool.parameters())));
    }
}
