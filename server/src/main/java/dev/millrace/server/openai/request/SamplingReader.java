package dev.millrace.server.openai.request;

import dev.millrace.engine.BannedWords;
import dev.millrace.engine.BreakerTokens;
import dev.millrace.engine.SamplingParameters;
import dev.millrace.engine.TokenRules;
import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.TokenFilters;
import dev.millrace.server.openai.model.BreakerCache;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.JsonNode;

/**
 * Reads how tokens are drawn: OpenAI's parameters within its bounds, and those that vLLM and
 * llama.cpp add, by their names.
 */
final class SamplingReader {

    private static final int BIASED_TOKENS = 1024;
    private static final int BAD_WORDS = 128;
    private static final int BAD_WORD_BYTES = 256;
    private static final int BREAKERS = 16;
    private static final float XTC_THRESHOLD = 0.1f;

    private final Fields fields;
    private final ServedModel model;
    private final BreakerCache breakers;
    private final int vocabularySize;

    private SamplingReader(Fields fields, ServedModel model, BreakerCache breakers) {
        this.fields = fields;
        this.model = model;
        this.breakers = breakers;
        this.vocabularySize = model.spec().vocabularySize();
    }

    /** @throws ApiException 400 that names the field, what it was and what is allowed */
    static SamplingParameters read(Fields fields, ServedModel model, BreakerCache breakers) {
        SamplingReader reader = new SamplingReader(fields, model, breakers);
        return new SamplingParameters(reader.filters(), reader.penalties(), reader.rules(),
                reader.seed());
    }

    private long seed() {
        return fields.has("seed")
                ? fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE, 0)
                : ThreadLocalRandom.current().nextLong();
    }

    private TokenFilters filters() {
        int topK = (int) fields.integer("top_k", -1, Integer.MAX_VALUE, 0);
        float sigmas = number("top_n_sigma", -1, 100, -1);
        return new TokenFilters(number("temperature", 0, 2, 1), Math.max(0, topK),
                number("top_p", 0, 1, 1), number("min_p", 0, 1, 0), number("typical_p", 0, 1, 1),
                Math.max(0, sigmas), number("xtc_probability", 0, 1, 0),
                number("xtc_threshold", 0, 1, XTC_THRESHOLD));
    }

    private Penalties penalties() {
        return new Penalties(number("repetition_penalty", 0.01, 10, 1),
                number("presence_penalty", -2, 2, 0), number("frequency_penalty", -2, 2, 0),
                dry(), (int) fields.integer("repeat_last_n", -1, Integer.MAX_VALUE, -1));
    }

    private DryPenalty dry() {
        float multiplier = number("dry_multiplier", 0, 100, 0);
        float base = number("dry_base", 1, 100, 1.75);
        int allowedLength = (int) fields.integer("dry_allowed_length", 0, Integer.MAX_VALUE, 2);
        int range = (int) fields.integer("dry_penalty_last_n", -1, Integer.MAX_VALUE, -1);
        List<String> texts = texts("dry_sequence_breakers", BREAKERS, BreakerTokens.MOST_BYTES);
        return multiplier == 0
                ? DryPenalty.NONE
                : new DryPenalty(multiplier, base, allowedLength, range, breakers.get(
                        fields.has("dry_sequence_breakers") ? texts : BreakerTokens.DEFAULT));
    }

    private TokenRules rules() {
        List<int[]> banned = BannedWords.of(texts("bad_words", BAD_WORDS, BAD_WORD_BYTES),
                model.tokenizer());
        return new TokenRules(logitBias(), allowedTokens(), banned,
                (int) fields.integer("min_tokens", 0, Integer.MAX_VALUE, 0));
    }

    private List<Integer> allowedTokens() {
        List<Integer> tokens = fields.array("allowed_token_ids", vocabularySize).stream()
                .map(id -> (int) Fields.integer(id, "allowed_token_ids", 0, vocabularySize - 1))
                .toList();
        if (tokens.isEmpty() && fields.has("allowed_token_ids")) {
            throw ApiException.invalid("allowed_token_ids", "allowed_token_ids is empty, so that "
                    + "nothing could be said; name at least one token, or leave it out for all");
        }
        return tokens;
    }

    private List<String> texts(String name, int most, int mostBytes) {
        List<String> texts = new ArrayList<>();
        for (JsonNode node : fields.array(name, most)) {
            String text = Fields.text(node, name);
            int bytes = text.getBytes(StandardCharsets.UTF_8).length;
            if (bytes == 0 || bytes > mostBytes) {
                throw ApiException.invalid(name, "each text of " + name + " must have between 1 "
                        + "and " + mostBytes + " bytes in UTF-8, got " + bytes);
            }
            texts.add(text);
        }
        return texts;
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
                + "0 and " + (vocabularySize - 1) + ", got " + Fields.shown(key));
    }

    private float number(String name, double least, double most, double otherwise) {
        return (float) fields.number(name, least, most, otherwise);
    }
}
