package dev.millrace.server.responses;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.Json;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a body of {@code /v1/responses}. What it does not know itself, such as {@code seed} and
 * {@code top_k}, goes on to the reader of chat completions, under whose rules it then is.
 */
final class RequestReader {

    private static final int LEAST_OUTPUT_TOKENS = 16;
    private static final int TOP_LOGPROBS = 20;
    private static final int IDENTIFIER_CHARS = 64;
    private static final int INCLUDES = 16;
    private static final String LOGPROBS = "message.output_text.logprobs";
    private static final String ENCRYPTED = "reasoning.encrypted_content";

    /** What is read here, or in {@link ChatTools} or {@link InputItems}. */
    private static final Set<String> OWN = Set.of("input", "instructions", "include", "tools",
            "tool_choice", "text", "reasoning", "max_output_tokens", "max_tool_calls", "store",
            "stream", "stream_options", "previous_response_id", "truncation", "background",
            "safety_identifier", "prompt_cache_retention", "top_logprobs", "service_tier");

    /** What only the hosted service has. */
    private static final Map<String, String> ABSENT = new TreeMap<>(Map.of(
            "conversation", "continue a response with previous_response_id",
            "prompt", "send instructions and input", "context_management", "leave it out",
            "moderation", "leave it out", "prompt_cache_options",
            "prefixes are cached as long as there is room"));

    /** What chat completions call otherwise, or cannot be had here. */
    private static final Map<String, String> ELSEWHERE = new TreeMap<>(Map.ofEntries(
            Map.entry("messages", "input"), Map.entry("max_tokens", "max_output_tokens"),
            Map.entry("max_completion_tokens", "max_output_tokens"),
            Map.entry("response_format", "text.format"),
            Map.entry("reasoning_effort", "reasoning.effort"),
            Map.entry("verbosity", "text.verbosity"), Map.entry("functions", "tools"),
            Map.entry("function_call", "tool_choice"),
            Map.entry("logprobs", "include with " + LOGPROBS)));
    private static final Set<String> ONLY_CHAT = Set.of("n", "best_of", "echo",
            "prompt_logprobs");

    private final Fields body;
    private final StoredResponses stored;
    private final String tenant;
    private final ObjectNode chat = Json.object();
    private final ObjectNode response = Json.object();
    private boolean summarises;

    /** @param stored what earlier requests of the tenant left */
    RequestReader(Fields body, StoredResponses stored, String tenant) {
        this.body = body;
        this.stored = stored;
        this.tenant = tenant;
    }

    /** Reads it. @throws ApiException 400 or 404 that names the field */
    ResponseRequest read() throws InterruptedException {
        refuse();
        String previous = body.text("previous_response_id", "");
        boolean stores = body.flag("store", stored.areKept());
        if (stores && !stored.areKept()) {
            throw ApiException.unsupported("store", "this server keeps no responses (store_days is"
                    + " off); send store: false");
        }
        boolean background = body.flag("background", false);
        if (background && !stores) {
            throw ApiException.unsupported("background", "background: true needs store: true, and"
                    + " a server that stores: nobody could ask for the response otherwise");
        }
        response.put("background", background);
        limits();
        ChatTools.copy(body, chat, response);
        format();
        reasoning();
        logprobs();
        copyParameters();
        response.put("store", stores).put("previous_response_id",
                previous.isEmpty() ? null : previous);
        response.set("instructions", body.find("instructions"));
        List<ObjectNode> history = previous.isEmpty()
                ? List.of()
                : stored.history(tenant, previous);
        List<ObjectNode> input = InputItems.read(body,
                (id, path) -> stored.item(tenant, id, path));
        chat.set("messages", new ChatTurns(body.text("instructions", "")).add(history).add(input)
                .messages());
        return new ResponseRequest(chat, response, input, summarises, stores,
                body.flag("stream", false));
    }

    private void refuse() {
        ELSEWHERE.forEach((name, here) -> {
            if (body.has(name)) {
                throw ApiException.unsupported(name, name + " is a parameter of chat completions;"
                        + " here it is " + here);
            }
        });
        ABSENT.forEach((name, instead) -> {
            if (body.has(name)) {
                throw ApiException.unsupported(name, name + " is not supported by this server; "
                        + instead);
            }
        });
        for (String name : ONLY_CHAT) {
            if (body.has(name)) {
                throw ApiException.unsupported(name, name + " is a parameter of chat or plain"
                        + " completions; a response has one answer and shows no prompt");
            }
        }
        Fields stream = body.object("stream_options");
        if (stream != null && stream.flag("include_obfuscation", false)) {
            throw ApiException.unsupported("stream_options.include_obfuscation",
                    "stream_options.include_obfuscation must be false: this server pads no events");
        }
        if (!body.text("prompt_cache_retention", "in_memory").equals("in_memory")) {
            throw ApiException.unsupported("prompt_cache_retention", "prompt_cache_retention must"
                    + " be in_memory: prefixes are cached as long as there is room");
        }
    }

    private String truncation() {
        String truncation = body.text("truncation", "disabled");
        if (!Set.of("auto", "disabled").contains(truncation)) {
            throw ApiException.invalid("truncation", "truncation must be auto or disabled, got \""
                    + Fields.shown(truncation) + "\"");
        }
        return truncation;
    }

    private void limits() {
        JsonNode most = body.find("max_output_tokens");
        if (most != null) {
            chat.put("max_completion_tokens", Fields.integer(most, "max_output_tokens",
                    LEAST_OUTPUT_TOKENS, Integer.MAX_VALUE));
        }
        response.set("max_output_tokens", most);
        // It limits calls of hosted tools, of which there are none.
        body.integer("max_tool_calls", 1, Integer.MAX_VALUE, 1);
        response.set("max_tool_calls", body.find("max_tool_calls"));
    }

    private void format() {
        Fields text = body.object("text");
        ObjectNode shown = response.putObject("text");
        JsonNode format = text == null ? null : text.find("format");
        shown.set("format", format == null ? Json.object().put("type", "text") : format);
        if (text != null && text.has("verbosity")) {
            if (!text.text("verbosity").equals("medium")) {
                throw ApiException.unsupported("text.verbosity", "text.verbosity is not supported"
                        + " by this server; leave it out, and say in the instructions how long"
                        + " answers should be");
            }
            shown.put("verbosity", "medium");
        }
        if (format == null) {
            return;
        }
        Fields wanted = Fields.of(format, "text.format");
        ObjectNode response = chat.putObject("response_format").put("type", wanted.text("type"));
        if (wanted.text("type").equals("json_schema")) {
            ObjectNode schema = response.putObject("json_schema");
            for (String name : List.of("name", "description", "strict", "schema")) {
                if (wanted.has(name)) {
                    schema.set(name, wanted.require(name));
                }
            }
        }
    }

    private void reasoning() {
        Fields reasoning = body.object("reasoning");
        ObjectNode shown = response.putObject("reasoning").putNull("effort").putNull("summary");
        if (reasoning == null) {
            return;
        }
        if (reasoning.has("effort")) {
            chat.put("reasoning_effort", reasoning.text("effort"));
            shown.put("effort", reasoning.text("effort"));
        }
        String name = reasoning.has("summary") ? "summary" : "generate_summary";
        if (reasoning.has(name)) {
            String summary = reasoning.text(name);
            if (!Set.of("auto", "detailed").contains(summary)) {
                throw ApiException.unsupported(reasoning.path(name), reasoning.path(name)
                        + " must be auto or detailed, which show all thoughts as they are: this"
                        + " server shortens none; got \"" + Fields.shown(summary) + "\"");
            }
            summarises = true;
            shown.put("summary", summary);
        }
        if (!reasoning.text("mode", "standard").equals("standard")
                || !reasoning.text("context", "auto").equals("auto")) {
            throw ApiException.unsupported("reasoning", "reasoning.mode must be standard and"
                    + " reasoning.context auto: the model's template decides which thoughts of"
                    + " earlier turns it sees");
        }
    }

    private void logprobs() {
        boolean wanted = false;
        List<JsonNode> include = body.array("include", INCLUDES);
        for (int i = 0; i < include.size(); i++) {
            String what = Fields.text(include.get(i), "include[" + i + "]");
            wanted |= what.equals(LOGPROBS);
            // Thoughts come in the open, so there is nothing to encrypt.
            if (!what.equals(LOGPROBS) && !what.equals(ENCRYPTED)) {
                throw ApiException.unsupported("include[" + i + "]", "include[" + i + "] must be "
                        + LOGPROBS + " or " + ENCRYPTED + ", got \"" + Fields.shown(what) + "\"");
            }
        }
        long top = body.integer("top_logprobs", 0, TOP_LOGPROBS, 0);
        if (wanted || top > 0) {
            chat.put("logprobs", true).put("top_logprobs", top);
        }
        response.put("top_logprobs", top);
    }

    private void copyParameters() {
        response.put("model", body.text("model")).put("parallel_tool_calls",
                body.flag("parallel_tool_calls", true))
                .put("temperature", body.number("temperature", 0, 2, 1))
                .put("top_p", body.number("top_p", 0, 1, 1)).put("truncation", truncation());
        String tier = body.text("service_tier", "auto");
        chat.put("service_tier", tier);
        response.put("service_tier", tier.equals("auto") ? "default" : tier);
        for (Map.Entry<String, JsonNode> field : body.all()) {
            if (!OWN.contains(field.getKey())) {
                chat.set(field.getKey(), field.getValue());
            }
        }
        for (String name : List.of("safety_identifier", "prompt_cache_key", "user")) {
            if (body.has(name)) {
                response.put(name, body.text(name));
            }
        }
        if (body.text("safety_identifier", "").length() > IDENTIFIER_CHARS) {
            throw ApiException.invalid("safety_identifier", "safety_identifier may have at most "
                    + IDENTIFIER_CHARS + " characters");
        }
        response.set("metadata", body.has("metadata")
                ? body.require("metadata")
                : Json.object());
    }
}
