package dev.millrace.server.openai;

import dev.millrace.engine.SamplingParameters;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.JsonNode;

/** Reads what chat and plain completions have in common, with OpenAI's bounds. */
final class OptionsReader {

    private static final int STOP_SEQUENCES = 4;
    private static final int STOP_BYTES = 1024;
    private static final int STOP_TOKENS = 64;
    private static final int BIASED_TOKENS = 1024;
    private static final int CACHE_SALT_CHARS = 128;
    private static final int CHAT_LOGPROBS = 20;
    private static final int COMPLETION_LOGPROBS = 5;
    private static final int NO_LOGPROBS = -1;

    private final Fields fields;
    private final int vocabularySize;
    private final HttpLimits limits;

    private OptionsReader(Fields fields, ServedModel model, HttpLimits limits) {
        this.fields = fields;
        this.vocabularySize = model.spec().vocabularySize();
        this.limits = limits;
    }

    /** Reads a chat completion's options. @throws ApiException 400 that names the field */
    static GenerationOptions chat(Fields fields, ServedModel model, HttpLimits limits) {
        OptionsReader reader = new OptionsReader(fields, model, limits);
        return reader.read(reader.chatLogprobs());
    }

    /** Reads a plain completion's options. @throws ApiException 400 that names the field */
    static GenerationOptions completion(Fields fields, ServedModel model, HttpLimits limits) {
        OptionsReader reader = new OptionsReader(fields, model, limits);
        return reader.read((int) fields.integer("logprobs", 0, COMPLETION_LOGPROBS, NO_LOGPROBS));
    }

    private GenerationOptions read(int topLogprobs) {
        boolean stream = fields.flag("stream", false);
        return new GenerationOptions(sampling(), maxTokens(),
                (int) fields.integer("n", 1, limits.choices(), 1), stopSequences(), stopTokens(),
                fields.flag("ignore_eos", false), topLogprobs, stream, includeUsage(stream),
                cacheSalt(), null);
    }

    private SamplingParameters sampling() {
        int topK = (int) fields.integer("top_k", -1, Integer.MAX_VALUE, 0);
        long seed = fields.has("seed")
                ? fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE, 0)
                : ThreadLocalRandom.current().nextLong();
        return new SamplingParameters((float) fields.number("temperature", 0, 2, 1),
                Math.max(0, topK), (float) fields.number("top_p", 0, 1, 1),
                (float) fields.number("min_p", 0, 1, 0), seed,
                (float) fields.number("repetition_penalty", 0.01, 10, 1),
                (float) fields.number("presence_penalty", -2, 2, 0),
                (float) fields.number("frequency_penalty", -2, 2, 0), logitBias());
    }

    private int maxTokens() {
        long older = fields.integer("max_tokens", 1, Integer.MAX_VALUE,
                GenerationOptions.NOT_GIVEN);
        long newer = fields.integer("max_completion_tokens", 1, Integer.MAX_VALUE, older);
        if (fields.has("max_tokens") && older != newer) {
            throw ApiException.invalid("max_tokens", "max_tokens (" + older
                    + ") and max_completion_tokens (" + newer
                    + ") disagree; send only max_completion_tokens");
        }
        return (int) newer;
    }

    private int chatLogprobs() {
        boolean wanted = fields.flag("logprobs", false);
        if (!wanted && fields.has("top_logprobs")
                && fields.integer("top_logprobs", 0, CHAT_LOGPROBS, 0) > 0) {
            throw ApiException.invalid("top_logprobs", "top_logprobs needs logprobs: true");
        }
        return wanted ? (int) fields.integer("top_logprobs", 0, CHAT_LOGPROBS, 0) : NO_LOGPROBS;
    }

    private boolean includeUsage(boolean stream) {
        Fields options = fields.object("stream_options");
        if (options == null) {
            return false;
        }
        if (!stream) {
            throw ApiException.invalid("stream_options", "stream_options needs stream: true");
        }
        return options.flag("include_usage", false);
    }

    private List<byte[]> stopSequences() {
        JsonNode node = fields.find("stop");
        if (node == null) {
            return List.of();
        }
        if (!node.isString() && !node.isArray()) {
            throw ApiException.wrongType("stop", "a string or an array of strings",
                    Fields.shown(node));
        }
        List<JsonNode> texts = node.isString()
                ? List.of(node)
                : Fields.array(node, "stop", STOP_SEQUENCES);
        List<byte[]> sequences = new ArrayList<>();
        for (JsonNode text : texts) {
            byte[] bytes = Fields.text(text, "stop").getBytes(StandardCharsets.UTF_8);
            if (bytes.length == 0 || bytes.length > STOP_BYTES) {
                throw ApiException.invalid("stop", "each stop sequence must have between 1 and "
                        + STOP_BYTES + " bytes in UTF-8, got " + bytes.length);
            }
            sequences.add(bytes);
        }
        return sequences;
    }

    private int[] stopTokens() {
        return fields.array("stop_token_ids", STOP_TOKENS).stream()
                .mapToInt(id -> (int) Fields.integer(id, "stop_token_ids", 0, vocabularySize - 1))
                .toArray();
    }

    private Map<Integer, Float> logitBias() {
        Fields biases = fields.object("logit_bias");
        if (biases == null) {
            return Map.of();
        }
        if (biases.all().size() > BIASED_TOKENS) {
            throw ApiException.invalid("logit_bias", "logit_bias may name at most "
                    + BIASED_TOKENS + " tokens, got " + biases.all().size());
        }
        Map<Integer, Float> bias = new HashMap<>();
        for (Map.Entry<String, JsonNode> entry : biases.all()) {
            String path = biases.path(entry.getKey());
            bias.put(token(entry.getKey()), (float) Fields.number(entry.getValue(), path, -100,
                    100));
        }
        return bias;
    }

    private int token(String key) {
        try {
            int token = Integer.parseInt(key);
            if (token >= 0 && token < vocabularySize) {
                return token;
            }
        } catch (NumberFormatException e) {
            // Falls through to the same complaint as an id out of range.
        }
        throw ApiException.invalid("logit_bias", "the keys of logit_bias must be token ids between "
                + "0 and " + (vocabularySize - 1));
    }

    private String cacheSalt() {
        String salt = fields.text("cache_salt", "");
        if (salt.length() > CACHE_SALT_CHARS) {
            throw ApiException.invalid("cache_salt", "cache_salt may have at most "
                    + CACHE_SALT_CHARS + " characters, got " + salt.length());
        }
        return salt;
    }
}
