package dev.millrace.server.openai.request;

import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;

/**
 * Fields that would change the answer and that this server cannot honour: refused by name, unless
 * their value says that nothing is wanted.
 */
final class UnsupportedFields {

    private static final Predicate<JsonNode> NEVER = value -> false;
    private static final Predicate<JsonNode> EMPTY = value -> value.isContainer()
            && value.isEmpty();
    private static final Predicate<JsonNode> FALSE = value -> value.isBoolean()
            && !value.booleanValue();
    private static final Predicate<JsonNode> TRUE = value -> value.isBoolean()
            && value.booleanValue();
    private static final Predicate<JsonNode> NO_TEXT = value -> value.isString()
            && value.stringValue().isEmpty();

    private static final Map<String, Predicate<JsonNode>> SHARED = Map.ofEntries(
            Map.entry("guided_whitespace_pattern", NEVER), Map.entry("use_beam_search", FALSE),
            Map.entry("return_token_ids", FALSE),
            Map.entry("mirostat", number(0)), Map.entry("dynatemp_range", number(0)),
            Map.entry("samplers", NEVER), Map.entry("repeat_penalty", number(1)),
            Map.entry("n_predict", NEVER), Map.entry("n_probs", number(0)),
            Map.entry("logits_processors", EMPTY), Map.entry("kv_transfer_params", EMPTY),
            Map.entry("vllm_xargs", EMPTY), Map.entry("logprob_token_ids", EMPTY),
            Map.entry("lora", EMPTY), Map.entry("t_max_predict_ms", number(0)),
            Map.entry("return_tokens", FALSE), Map.entry("post_sampling_probs", FALSE),
            Map.entry("repetition_detection", NEVER), Map.entry("min_keep", number(0)),
            Map.entry("n_indent", number(0)));

    /** What to do instead, where there is something. */
    private static final Map<String, String> ADVICE = Map.ofEntries(
            Map.entry("repeat_penalty", "send repetition_penalty, which looks at the whole text"),
            Map.entry("n_predict", "send max_tokens"), Map.entry("n_probs", "send logprobs"),
            Map.entry("samplers", "the order of samplers is fixed"),
            Map.entry("t_max_predict_ms", "send timeout, in seconds"),
            Map.entry("lora", "name the adapter in model, as base:adapter"),
            Map.entry("functions", "send tools"),
            Map.entry("function_call", "send tools and tool_choice"),
            Map.entry("suffix", "no model here is known to fill in a middle; spell the gap in the"
                    + " prompt, in the model's own tokens, if it has any"));

    private static final SortedMap<String, Predicate<JsonNode>> CHAT = withShared(Map.ofEntries(
            Map.entry("functions", EMPTY), Map.entry("function_call", oneOf("none", "auto")),
            Map.entry("modalities", UnsupportedFields::isTextOnly), Map.entry("audio", NEVER),
            Map.entry("prediction", NEVER), Map.entry("web_search_options", NEVER),
            Map.entry("verbosity", oneOf("medium")),
            Map.entry("add_generation_prompt", TRUE), Map.entry("continue_final_message", FALSE),
            Map.entry("chat_template", NEVER), Map.entry("documents", EMPTY),
            Map.entry("echo", FALSE), Map.entry("include_reasoning", TRUE),
            Map.entry("reasoning_format", oneOf("auto", "deepseek")),
            Map.entry("best_of", number(1)), Map.entry("moderation", NEVER),
            Map.entry("prompt_cache_options", NEVER),
            Map.entry("prompt_cache_retention", oneOf("in_memory", "in-memory")),
            Map.entry("add_special_tokens", FALSE),
            Map.entry("mm_processor_kwargs", EMPTY)));

    private static final SortedMap<String, Predicate<JsonNode>> COMPLETION = withShared(Map.of(
            "suffix", NO_TEXT, "prompt_embeds", NEVER, "add_special_tokens", TRUE));

    private UnsupportedFields() {}

    /** @throws ApiException 400 that names the first field, in alphabetical order */
    static void refuseInChat(Fields fields) {
        refuse(fields, CHAT);
    }

    /** @throws ApiException 400 that names the first field, in alphabetical order */
    static void refuseInCompletion(Fields fields) {
        refuse(fields, COMPLETION);
    }

    private static void refuse(Fields fields, SortedMap<String, Predicate<JsonNode>> unsupported) {
        unsupported.forEach((name, off) -> {
            JsonNode value = fields.find(name);
            if (value != null && !off.test(value)) {
                throw ApiException.unsupported(fields.path(name), fields.path(name)
                        + " is not supported by this server; leave it out"
                        + (ADVICE.containsKey(name) ? ": " + ADVICE.get(name) : ""));
            }
        });
    }

    private static SortedMap<String, Predicate<JsonNode>> withShared(
            Map<String, Predicate<JsonNode>> own) {
        SortedMap<String, Predicate<JsonNode>> all = new TreeMap<>(SHARED);
        all.putAll(own);
        return Collections.unmodifiableSortedMap(all);
    }

    private static Predicate<JsonNode> oneOf(String... values) {
        Set<String> allowed = Set.of(values);
        return value -> value.isString() && allowed.contains(value.stringValue());
    }

    private static Predicate<JsonNode> number(int off) {
        return value -> value.isNumber() && value.doubleValue(Double.NaN) == off;
    }

    private static boolean isTextOnly(JsonNode modalities) {
        return modalities.isArray() && modalities.size() == 1 && modalities.get(0).isString()
                && modalities.get(0).stringValue().equals("text");
    }
}
