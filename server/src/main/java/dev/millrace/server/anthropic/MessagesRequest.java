package dev.millrace.server.anthropic;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts a body of {@code /v1/messages} into one of {@code /v1/chat/completions}. */
final class MessagesRequest {

    private static final int TOOLS = 128;
    private static final int STOP_SEQUENCES = 4;
    private static final int LEAST_BUDGET_TOKENS = 1024;
    private static final List<String> UNSUPPORTED = List.of("container", "mcp_servers",
            "context_management", "inference_geo");

    private MessagesRequest() {}

    /** The whole request. @throws ApiException 400 that names the field, in Anthropic's words */
    static ObjectNode chat(Fields body) {
        ObjectNode chat = prompt(body);
        body.require("max_tokens");
        long maxTokens = body.integer("max_tokens", 1, Integer.MAX_VALUE, 1);
        chat.put("max_completion_tokens", maxTokens);
        if (body.has("temperature")) {
            chat.put("temperature", body.number("temperature", 0, 1, 1));
        }
        if (body.has("top_p")) {
            chat.put("top_p", body.number("top_p", 0, 1, 1));
        }
        if (body.has("top_k")) {
            chat.put("top_k", body.integer("top_k", 0, Integer.MAX_VALUE, 0));
        }
        List<JsonNode> stops = body.array("stop_sequences", STOP_SEQUENCES);
        if (!stops.isEmpty()) {
            chat.putArray("stop").addAll(stops);
        }
        thinking(body, chat, maxTokens);
        Fields metadata = body.object("metadata");
        if (metadata != null && metadata.has("user_id")) {
            chat.put("user", metadata.text("user_id"));
        }
        if (body.has("output_config") && body.object("output_config").has("format")) {
            format(body.object("output_config").object("format"), chat);
        }
        return chat;
    }

    /** What becomes the prompt: the model, the conversation and its tools. */
    static ObjectNode prompt(Fields body) {
        for (String name : UNSUPPORTED) {
            if (body.has(name)) {
                throw ApiException.unsupported(name, name
                        + " is not supported by this server; leave it out");
            }
        }
        ObjectNode chat = Json.object().put("model", body.text("model"));
        ArrayNode messages = chat.putArray("messages");
        if (body.has("system")) {
            messages.addObject().put("role", "system").set("content",
                    MessageBlocks.texts(body, "system"));
        }
        MessageBlocks.add(body, messages);
        tools(body, chat);
        return chat;
    }

    private static void tools(Fields body, ObjectNode chat) {
        List<JsonNode> nodes = body.array("tools", TOOLS);
        ArrayNode tools = Json.array();
        for (int i = 0; i < nodes.size(); i++) {
            Fields tool = Fields.of(nodes.get(i), "tools[" + i + "]");
            if (!tool.text("type", "custom").equals("custom")) {
                throw ApiException.unsupported(tool.path("type"), tool.path("type") + " \""
                        + Fields.shown(tool.text("type")) + "\" is a tool of Anthropic's servers;"
                        + " here tools are the client's own");
            }
            ObjectNode function = tools.addObject().put("type", "function")
                    .putObject("function").put("name", tool.text("name"));
            if (tool.has("description")) {
                function.put("description", tool.text("description"));
            }
            function.set("parameters", tool.require("input_schema"));
            if (tool.has("strict")) {
                function.put("strict", tool.flag("strict", false));
            }
        }
        if (!tools.isEmpty()) {
            chat.set("tools", tools);
        }
        Fields choice = body.object("tool_choice");
        if (choice == null) {
            return;
        }
        switch (choice.text("type")) {
            case "auto" -> chat.put("tool_choice", "auto");
            case "any" -> chat.put("tool_choice", "required");
            case "none" -> chat.put("tool_choice", "none");
            case "tool" -> chat.putObject("tool_choice").put("type", "function")
                    .putObject("function").put("name", choice.text("name"));
            default -> throw ApiException.invalid(choice.path("type"), choice.path("type")
                    + " must be auto, any, tool or none, got \""
                    + Fields.shown(choice.text("type")) + "\"");
        }
        if (choice.flag("disable_parallel_tool_use", false)) {
            chat.put("parallel_tool_calls", false);
        }
    }

    private static void thinking(Fields body, ObjectNode chat, long maxTokens) {
        Fields thinking = body.object("thinking");
        if (thinking == null) {
            return;
        }
        switch (thinking.text("type")) {
            case "disabled" -> chat.put("reasoning_effort", "none");
            case "adaptive" -> {
                // The model thinks as much as it likes, which is what it does anyway.
            }
            case "enabled" -> {
                thinking.require("budget_tokens");
                long budget = thinking.integer("budget_tokens", LEAST_BUDGET_TOKENS,
                        Integer.MAX_VALUE, LEAST_BUDGET_TOKENS);
                if (budget >= maxTokens) {
                    throw ApiException.invalid("thinking.budget_tokens", "thinking.budget_tokens ("
                            + budget + ") must be less than max_tokens (" + maxTokens + ")");
                }
                chat.put("thinking_token_budget", budget);
            }
            default -> throw ApiException.invalid("thinking.type", "thinking.type must be enabled,"
                    + " disabled or adaptive, got \"" + Fields.shown(thinking.text("type"))
                    + "\"");
        }
    }

    private static void format(Fields format, ObjectNode chat) {
        if (!format.text("type").equals("json_schema")) {
            throw ApiException.invalid(format.path("type"), format.path("type")
                    + " must be json_schema, got \"" + Fields.shown(format.text("type")) + "\"");
        }
        chat.putObject("response_format").put("type", "json_schema").putObject("json_schema")
                .put("name", "output").put("strict", true)
                .set("schema", format.require("schema"));
    }
}
