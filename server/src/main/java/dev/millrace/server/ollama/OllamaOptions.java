package dev.millrace.server.ollama;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Puts Ollama's {@code options}, {@code format} and {@code think} into OpenAI's parameters. */
final class OllamaOptions {

    /** Options that have an equal among the parameters of a chat completion. */
    private static final Map<String, String> SAME = Map.ofEntries(
            Map.entry("temperature", "temperature"), Map.entry("top_p", "top_p"),
            Map.entry("top_k", "top_k"), Map.entry("min_p", "min_p"), Map.entry("seed", "seed"),
            Map.entry("stop", "stop"), Map.entry("typical_p", "typical_p"),
            Map.entry("repeat_penalty", "repetition_penalty"),
            Map.entry("presence_penalty", "presence_penalty"),
            Map.entry("frequency_penalty", "frequency_penalty"));
    /** How Ollama loads a model; here the server's configuration says that. */
    private static final Set<String> LOADING = Set.of("num_gpu", "main_gpu", "num_thread",
            "num_batch", "use_mmap", "use_mlock", "numa", "low_vram", "num_keep", "vocab_only",
            "f16_kv", "logits_all");
    /** Without a counterpart; refused unless they ask for nothing. */
    private static final Map<String, Double> OFF = Map.of("mirostat", 0.0, "tfs_z", 1.0);
    /** Say how something works that is off. */
    private static final Set<String> OF_WHAT_IS_OFF = Set.of("mirostat_eta", "mirostat_tau");
    /** What penalties look at where a request does not say, in tokens. */
    private static final int LAST_TOKENS = 64;
    private static final int TOP_LOGPROBS = 20;

    private OllamaOptions() {}

    /**
     * Adds what a request asks for to a chat.
     *
     * @param contextTokens longest sequence that the model is served with
     * @throws ApiException 400 that names the option
     */
    static void add(Fields body, int contextTokens, ObjectNode chat) {
        Fields options = body.object("options");
        if (options != null) {
            if (penalises(options)) {
                chat.put("repeat_last_n", options.integer("repeat_last_n", -1, Integer.MAX_VALUE,
                        LAST_TOKENS));
            }
            for (Map.Entry<String, JsonNode> option : options.all()) {
                if (!option.getValue().isNull()) {
                    add(options, option.getKey(), contextTokens, chat);
                }
            }
        }
        format(body, chat);
        think(body, chat);
        long alternatives = body.integer("top_logprobs", 0, TOP_LOGPROBS, 0);
        if (body.flag("logprobs", false)) {
            chat.put("logprobs", true).put("top_logprobs", alternatives);
        } else if (alternatives > 0) {
            throw ApiException.invalid("top_logprobs", "top_logprobs needs logprobs: true beside"
                    + " it");
        }
    }

    private static void add(Fields options, String name, int contextTokens, ObjectNode chat) {
        if (SAME.containsKey(name)) {
            chat.set(SAME.get(name), options.require(name));
        } else if (name.equals("num_predict")) {
            long most = options.integer(name, -2, Integer.MAX_VALUE, -1);
            if (most > 0) {
                chat.put("max_completion_tokens", most);
            }
        } else if (name.equals("num_ctx")) {
            // A promise about the prompt, which is never cut here; more than there is is refused.
            long wanted = options.integer(name, 1, Integer.MAX_VALUE, contextTokens);
            if (wanted > contextTokens) {
                throw ApiException.invalid(options.path(name), options.path(name) + " is " + wanted
                        + ", but the model is served with a context of " + contextTokens
                        + " tokens; leave it out, or let the server be started with more"
                        + " (--context), as far as the model was made for it");
            }
        } else if (OFF.containsKey(name)) {
            if (options.number(name, -1e9, 1e9, 0) != OFF.get(name)) {
                throw unsupported(options, name);
            }
        } else if (name.equals("repeat_last_n")) {
            options.integer(name, -1, Integer.MAX_VALUE, LAST_TOKENS); // read with the penalties
        } else if (name.equals("penalize_newline")) {
            if (penalises(options) && !options.flag(name, true)) {
                throw ApiException.unsupported(options.path(name), options.path(name)
                        + ": false is not supported by this server, whose penalties spare no"
                        + " token; leave it or the penalties out");
            }
        } else if (!LOADING.contains(name) && !OF_WHAT_IS_OFF.contains(name)) {
            throw unsupported(options, name);
        }
    }

    private static boolean penalises(Fields options) {
        return options.number("repeat_penalty", 0, 1e9, 1) != 1
                || options.number("presence_penalty", -1e9, 1e9, 0) != 0
                || options.number("frequency_penalty", -1e9, 1e9, 0) != 0;
    }

    private static ApiException unsupported(Fields options, String name) {
        return ApiException.unsupported(options.path(name), options.path(Fields.shown(name))
                + " is not supported by this server; leave it out");
    }

    private static void format(Fields body, ObjectNode chat) {
        JsonNode format = body.find("format");
        if (format == null || format.isString() && format.stringValue().isEmpty()) {
            return;
        }
        ObjectNode wanted = chat.putObject("response_format");
        if (format.isObject()) {
            wanted.put("type", "json_schema").putObject("json_schema").put("name", "format")
                    .put("strict", true).set("schema", format);
        } else if (format.isString() && format.stringValue().equals("json")) {
            wanted.put("type", "json_object");
        } else {
            throw ApiException.invalid("format", "format must be \"json\" or a JSON schema, got "
                    + Fields.shown(format));
        }
    }

    private static void think(Fields body, ObjectNode chat) {
        JsonNode think = body.find("think");
        if (think == null || think.isBoolean() && think.booleanValue()) {
            return;
        }
        chat.put("reasoning_effort", think.isBoolean() ? "none" : Fields.text(think, "think"));
    }
}
