package dev.millrace.server.openai.request;

import dev.millrace.server.dialogue.Tool;
import dev.millrace.server.dialogue.ToolUse;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Reads {@code tools}, {@code tool_choice} and {@code parallel_tool_calls}. */
final class ToolsReader {

    private static final int TOOLS = 128;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,64}");
    private static final String CHOICES = "none, auto, required, {\"type\": \"function\","
            + " \"function\": {\"name\": ...}} or {\"type\": \"allowed_tools\", ...}";

    private final Fields body;
    private final Map<String, Tool> tools = new LinkedHashMap<>();

    private ToolsReader(Fields body) {
        this.body = body;
    }

    /**
     * What a request says of tools.
     *
     * @param offered what the prompt tells the model of
     * @param use     what it may call of these; null for nothing
     */
    record ToolRequest(List<Tool> offered, ToolUse use) {

        static final ToolRequest NONE = new ToolRequest(List.of(), null);
    }

    /** Reads them. @throws ApiException 400 that names the field */
    static ToolRequest read(Fields body) {
        ToolsReader reader = new ToolsReader(body);
        List<JsonNode> nodes = body.array("tools", TOOLS);
        for (int i = 0; i < nodes.size(); i++) {
            reader.tool(nodes.get(i), "tools[" + i + "]");
        }
        boolean parallel = body.flag("parallel_tool_calls", true);
        return reader.choice(parallel);
    }

    private void tool(JsonNode node, String path) {
        Fields tool = Fields.of(node, path);
        requireFunction(tool);
        tool.require("function");
        Fields function = tool.object("function");
        String name = function.text("name");
        if (!NAME.matcher(name).matches()) {
            throw ApiException.invalid(function.path("name"), function.path("name")
                    + " must have between 1 and 64 characters of A-Z, a-z, 0-9, _ and -, got "
                    + Fields.shown(name));
        }
        Tool read = new Tool(name, function.text("description", ""), parameters(function),
                function.flag("strict", false));
        if (tools.put(name, read) != null) {
            throw ApiException.invalid(function.path("name"), "two tools are called " + name);
        }
    }

    private static void requireFunction(Fields tool) {
        String type = tool.text("type");
        if (!type.equals("function")) {
            throw ApiException.unsupported(tool.path("type"), tool.path("type") + " \""
                    + Fields.shown(type) + "\" is not supported: this server takes functions only");
        }
    }

    /** The schema of an object; a function without one has no parameters. */
    private static JsonNode parameters(Fields function) {
        if (!function.has("parameters")) {
            return Json.object().put("type", "object").put("additionalProperties", false);
        }
        JsonNode node = function.require("parameters");
        String path = function.path("parameters");
        Fields schema = Fields.of(node, path);
        if (schema.has("type") && !schema.require("type").equals(
                Json.object().put("type", "object").get("type"))) {
            throw ApiException.invalid(path + ".type", path
                    + " must be the schema of an object, got the type "
                    + Fields.shown(schema.require("type")));
        }
        return schema.has("type") ? node : ((ObjectNode) node).deepCopy().put("type", "object");
    }

    private ToolRequest choice(boolean parallel) {
        JsonNode choice = body.find("tool_choice");
        List<Tool> all = List.copyOf(tools.values());
        if (choice == null) {
            return all.isEmpty()
                    ? ToolRequest.NONE
                    : new ToolRequest(all, new ToolUse(all, false, parallel));
        }
        if (choice.isString()) {
            return mode("tool_choice", choice.stringValue(), all, parallel);
        }
        Fields fields = Fields.of(choice, "tool_choice");
        return switch (fields.text("type")) {
            case "function" -> {
                fields.require("function");
                Fields function = fields.object("function");
                Tool named = known(function.text("name"), function.path("name"));
                yield new ToolRequest(all, new ToolUse(List.of(named), true, false));
            }
            case "allowed_tools" -> allowed(fields, all, parallel);
            default -> throw ApiException.invalid(fields.path("type"), "tool_choice must be "
                    + CHOICES + ", got the type " + Fields.shown(fields.text("type")));
        };
    }

    private ToolRequest mode(String path, String mode, List<Tool> allowed, boolean parallel) {
        if (mode.equals("none")) {
            return ToolRequest.NONE;
        }
        boolean required = mode.equals("required");
        if (!required && !mode.equals("auto")) {
            throw ApiException.invalid(path, path + " must be " + CHOICES + ", got "
                    + Fields.shown(mode));
        }
        if (tools.isEmpty()) {
            if (required) {
                throw ApiException.invalid(path, path + " is required, but there are no tools");
            }
            return ToolRequest.NONE;
        }
        return new ToolRequest(List.copyOf(tools.values()),
                new ToolUse(allowed, required, parallel));
    }

    private ToolRequest allowed(Fields choice, List<Tool> all, boolean parallel) {
        Fields allowed = choice.has("allowed_tools") ? choice.object("allowed_tools") : choice;
        List<JsonNode> nodes = Fields.array(allowed.require("tools"), allowed.path("tools"),
                TOOLS);
        if (nodes.isEmpty()) {
            throw ApiException.invalid(allowed.path("tools"), allowed.path("tools")
                    + " must name at least one tool");
        }
        Set<String> named = new HashSet<>();
        for (int i = 0; i < nodes.size(); i++) {
            Fields tool = Fields.of(nodes.get(i), allowed.path("tools") + "[" + i + "]");
            requireFunction(tool);
            Fields function = tool.has("function") ? tool.object("function") : tool;
            named.add(known(function.text("name"), function.path("name")).name());
        }
        String mode = allowed.text("mode");
        if (mode.equals("none")) {
            throw ApiException.invalid(allowed.path("mode"), allowed.path("mode")
                    + " must be auto or required");
        }
        List<Tool> kept = new ArrayList<>(all);
        kept.removeIf(tool -> !named.contains(tool.name()));
        return mode(allowed.path("mode"), mode, kept, parallel);
    }

    private Tool known(String name, String path) {
        Tool tool = tools.get(name);
        if (tool == null) {
            throw ApiException.invalid(path, path + " names no tool of this request: "
                    + Fields.shown(name) + "; there are " + String.join(", ", tools.keySet()));
        }
        return tool;
    }
}
