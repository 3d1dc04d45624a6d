package dev.millrace.server.openai.request;

import dev.millrace.engine.ReplyOptions;
import dev.millrace.engine.SamplingParameters;
import dev.millrace.server.openai.completion.AnswerOptions;
import dev.millrace.server.openai.completion.GenerationOptions;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Reads what chat and plain completions have in common, with OpenAI's bounds. */
final class OptionsReader {

    private static final int STOP_SEQUENCES = 4;
    private static final int STOP_BYTES = 1024;
    private static final int STOP_TOKENS = 64;
    private static final int CACHE_SALT_CHARS = 128;
    private static final int CHAT_LOGPROBS = 20;
    private static final int COMPLETION_LOGPROBS = 20;
    private static final int PROMPT_LOGPROBS = 20;
    private static final int NO_LOGPROBS = -1;

    private final Fields fields;
    private final SamplingParameters sampling;
    private final int vocabularySize;
    private final HttpLimits limits;

    private OptionsReader(Fields fields, ServedModel model, SamplingParameters sampling,
            HttpLimits limits) {
        this.fields = fields;
        this.sampling = sampling;
        this.vocabularySize = model.spec().vocabularySize();
        this.limits = limits;
    }

    /** Reads a chat completion's options. @throws ApiException 400 that names the field */
    static GenerationOptions chat(Fields fields, ServedModel model, SamplingParameters sampling,
            HttpLimits limits) {
        OptionsReader reader = new OptionsReader(fields, model, sampling, limits);
        return reader.read(reader.chatLogprobs(), false);
    }

    /** Reads a plain completion's options. @throws ApiException 400 that names the field */
    static GenerationOptions completion(Fields fields, ServedModel model,
            SamplingParameters sampling, HttpLimits limits) {
        OptionsReader reader = new OptionsReader(fields, model, sampling, limits);
        return reader.read((int) fields.integer("logprobs", 0, COMPLETION_LOGPROBS, NO_LOGPROBS),
                true);
    }

    private GenerationOptions read(int topLogprobs, boolean completes) {
        boolean stream = fields.flag("stream", false);
        int choices = (int) fields.integer("n", 1, limits.choices(), 1);
        boolean echo = completes && fields.flag("echo", false);
        int promptTop = promptLogprobs(stream);
        ReplyOptions reply = new ReplyOptions(fields.flag("include_stop_str_in_output", false),
                !fields.flag("skip_special_tokens", true),
                echo ? Math.max(promptTop, topLogprobs) : promptTop);
        if (echo && stream && topLogprobs >= 0) {
            throw ApiException.invalid("echo", "echo with logprobs cannot be streamed; leave out "
                    + "one of echo, logprobs and stream");
        }
        AnswerOptions answer = new AnswerOptions(reply,
                completes ? candidates(choices, stream) : choices,
                fields.flag("return_tokens_as_token_ids", false), promptTop >= 0, echo);
        return new GenerationOptions(sampling, maxTokens(), choices, stopSequences(), stopTokens(),
                fields.flag("ignore_eos", false), topLogprobs, stream, includeUsage(stream),
                cacheSalt(), null, answer);
    }

    private int promptLogprobs(boolean stream) {
        int top = (int) fields.integer("prompt_logprobs", 0, PROMPT_LOGPROBS, NO_LOGPROBS);
        if (top >= 0 && stream) {
            throw ApiException.invalid("prompt_logprobs", "prompt_logprobs cannot be streamed; "
                    + "leave out stream");
        }
        return top;
    }

    /** The field {@code best_of}: which are best is known only when all have ended. */
    private int candidates(int choices, boolean stream) {
        int candidates = (int) fields.integer("best_of", 1, limits.choices(), choices);
        if (candidates < choices) {
            throw ApiException.invalid("best_of",
                    "best_of (" + candidates + ") must be at least n ("
                            + choices + "), for the best n of best_of completions are shown");
        }
        if (candidates > choices && stream) {
            throw ApiException.invalid("best_of", "best_of (" + candidates + ") above n (" + choices
                    + ") cannot be streamed, for the best are known only at the end; leave out "
                    + "stream or best_of");
        }
        return candidates;
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
        if (options.flag("continuous_usage_stats", false)) {
            String path = options.path("continuous_usage_stats");
            throw ApiException.unsupported(path, path + " is not supported by this server, whose"
                    + " last chunk has the usage; leave it out");
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

    private String cacheSalt() {
        String salt = fields.text("cache_salt", "");
        if (salt.length() > CACHE_SALT_CHARS) {
            throw ApiException.invalid("cache_salt", "cache_salt may have at most "
                    + CACHE_SALT_CHARS + " characters, got " + salt.length());
        }
        return salt;
    }
}
