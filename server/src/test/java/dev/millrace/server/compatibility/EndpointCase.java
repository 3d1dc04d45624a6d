package dev.millrace.server.compatibility;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** An endpoint with what clients may send to it, as {@code cases.yaml} has it. */
record EndpointCase(JsonNode described) {

    /** A parameter, who made it up, and a value that asks for something. */
    record Parameter(String group, String name, JsonNode value) {}

    static List<EndpointCase> all() throws IOException {
        try (InputStream cases = EndpointCase.class
                .getResourceAsStream("/compatibility/cases.yaml")) {
            List<EndpointCase> all = new ArrayList<>();
            new YAMLMapper().readTree(cases).forEach(node -> all.add(new EndpointCase(node)));
            return all;
        }
    }

    String endpoint() {
        return described.get("endpoint").stringValue();
    }

    String method() {
        return endpoint().split(" ")[0];
    }

    String path() {
        return endpoint().split(" ")[1];
    }

    /** How its parameters are sent: as JSON, as a form or in the query. */
    String sent() {
        return described.path("sent").stringValue("json");
    }

    /** The schema of OpenAI's description; empty if there is none. */
    String schema() {
        return described.path("schema").stringValue("");
    }

    ObjectNode base() {
        return (ObjectNode) described.get("base").deepCopy();
    }

    List<Parameter> parameters() {
        List<Parameter> all = new ArrayList<>();
        described.get("groups").properties().forEach(group -> group.getValue().properties()
                .forEach(one -> all.add(new Parameter(group.getKey(), one.getKey(),
                        one.getValue()))));
        return all;
    }

    /** What a parameter has in one of the lists by name; a missing node if it is not there. */
    JsonNode note(String list, String name) {
        return described.path(list).path(name);
    }

    /** The names in one of the lists. */
    List<String> noted(String list) {
        return described.path(list).properties().stream().map(Map.Entry::getKey).toList();
    }
}
