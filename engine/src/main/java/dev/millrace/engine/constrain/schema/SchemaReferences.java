package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.GrammarException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/** Finds what {@code $ref} points to: within the schema only, nothing is ever fetched. */
final class SchemaReferences {

    private final JsonNode root;
    private final Map<String, JsonNode> anchors = new HashMap<>();

    SchemaReferences(JsonNode root) {
        this.root = root;
        collectAnchors();
    }

    private void collectAnchors() {
        Deque<JsonNode> work = new ArrayDeque<>();
        work.add(root);
        while (!work.isEmpty()) {
            JsonNode node = work.remove();
            if (node.path("$anchor").isString()) {
                anchors.putIfAbsent(node.get("$anchor").stringValue(), node);
            }
            node.values().forEach(child -> {
                if (child.isContainer()) {
                    work.add(child);
                }
            });
        }
    }

    /** @throws GrammarException if there is nothing there, or it is elsewhere */
    JsonNode resolve(JsonNode reference, String path) {
        if (!reference.isString()) {
            throw new GrammarException(path + ".$ref must be a string");
        }
        String text = reference.stringValue();
        String base = root.path("$id").isString() ? root.get("$id").stringValue() : "";
        if (!base.isEmpty() && text.startsWith(base + "#")) {
            text = text.substring(base.length());
        }
        if (!text.startsWith("#")) {
            throw new GrammarException(path + ".$ref points to " + text + "; only references"
                    + " within the schema, which begin with #, are supported");
        }
        JsonNode target = target(text.substring(1));
        if (target == null) {
            throw new GrammarException(path + ".$ref points to " + text + ", which is not there");
        }
        return target;
    }

    private JsonNode target(String fragment) {
        if (!fragment.isEmpty() && !fragment.startsWith("/")) {
            return anchors.get(fragment);
        }
        JsonNode node = root;
        String[] steps = fragment.split("/", -1);
        for (int i = 1; i < steps.length; i++) {
            String step = decode(steps[i]).replace("~1", "/").replace("~0", "~");
            node = node.isArray() ? element(node, step) : node.get(step);
            if (node == null) {
                return null;
            }
        }
        return node;
    }

    private static JsonNode element(JsonNode array, String step) {
        return step.matches("\\d{1,6}") ? array.get(Integer.parseInt(step)) : null;
    }

    private static String decode(String step) {
        try {
            return URLDecoder.decode(step.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return step;
        }
    }
}
