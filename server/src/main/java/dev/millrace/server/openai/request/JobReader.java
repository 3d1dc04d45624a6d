package dev.millrace.server.openai.request;

import dev.millrace.engine.SamplingParameters;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.server.dialogue.TurnFormat;
import dev.millrace.server.dialogue.TurnPlan;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.ChatFormat;
import dev.millrace.server.openai.completion.CompletionFormat;
import dev.millrace.server.openai.completion.CompletionJob;
import dev.millrace.server.openai.completion.GenerationOptions;
import dev.millrace.server.openai.completion.ResponseFormat;
import dev.millrace.server.openai.model.BreakerCache;
import dev.millrace.server.openai.model.ChatModel;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.Requirement;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Reads requests into jobs: every parameter is validated here and nowhere later. */
public final class JobReader {

    private final ModelDirectory models;
    private final Map<String, ChatModel> chatModels;
    private final Map<String, BreakerCache> breakers;
    private final HttpLimits limits;

    /** @param served models whose vocabularies constraints are compiled for */
    public JobReader(ModelDirectory models, List<ServedModel> served, HttpLimits limits) {
        this.models = models;
        this.chatModels = served.stream().collect(Collectors.toMap(ServedModel::baseId,
                ChatModel::of, (first, same) -> first));
        this.breakers = served.stream().collect(Collectors.toMap(ServedModel::baseId,
                model -> new BreakerCache(model.tokenizer()), (first, same) -> first));
        this.limits = limits;
    }

    /** Reads a chat. @throws ApiException 400 or 404 that names the field */
    public CompletionJob chat(Fields fields, ChatFormat format, Caller caller) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInChat(fields);
        ChatReader chat = new ChatReader(fields, model, chatModels.get(model.baseId()));
        GenerationOptions options = OptionsReader.chat(fields, model, sampling(fields, model),
                limits);
        options = options.constrained(chat.constraint(options.maxTokens()));
        List<int[]> prompts = truncated(List.of(chat.prompt()), fields, model, format, options);
        return job(model, format, prompts, options, chat.plan(), caller, fields);
    }

    /**
     * A chat of which only the prompt is wanted.
     *
     * @throws ApiException 400 or 404 that names the field
     */
    public ChatReader prompt(Fields fields, Caller caller) {
        ServedModel model = models.require(fields.text("model"));
        ModelDirectory.requireAllowed(model, caller.identity());
        UnsupportedFields.refuseInChat(fields);
        return new ChatReader(fields, model, chatModels.get(model.baseId()));
    }

    /** Whether a model thinks before it answers, or can. @throws ApiException 404 */
    public boolean thinks(String id) {
        TurnFormat format = chatModels.get(models.require(id).baseId()).format();
        return format != null && format.thinks();
    }

    /** Reads a plain completion. @throws ApiException 400 or 404 that names the field */
    public CompletionJob completion(Fields fields, CompletionFormat format, Caller caller) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInCompletion(fields);
        GenerationOptions options = OptionsReader
                .completion(fields, model, sampling(fields, model), limits)
                .constrained(constraint(fields, model));
        List<int[]> prompts = Prompts.completion(fields, model, limits);
        if (prompts.size() * options.candidates() > limits.choices()) {
            String many = options.candidates() > options.choices() ? "best_of" : "n";
            throw ApiException.invalid(many, prompts.size() + " prompts with " + many + " = "
                    + options.candidates() + " make " + prompts.size() * options.candidates()
                    + " completions; one request may ask for at most " + limits.choices());
        }
        return job(model, format, truncated(prompts, fields, model, format, options), options,
                TurnPlan.PLAIN, caller, fields);
    }

    /** Keeps the last tokens only, where {@code truncate_prompt_tokens} says so. */
    private static List<int[]> truncated(List<int[]> prompts, Fields fields, ServedModel model,
            ResponseFormat format, GenerationOptions options) {
        int wanted = (int) fields.integer("truncate_prompt_tokens", -1, model.contextTokens(), 0);
        if (wanted == 0) {
            if (fields.has("truncate_prompt_tokens")) {
                throw ApiException.invalid("truncate_prompt_tokens", "truncate_prompt_tokens must "
                        + "be between 1 and " + model.contextTokens() + ", or -1 for what fits, "
                        + "got 0");
            }
            return prompts;
        }
        int most = wanted > 0
                ? wanted
                : Math.max(1, model.contextTokens() - leastCompletion(format, options));
        return prompts.stream().map(prompt -> prompt.length <= most
                ? prompt
                : Arrays.copyOfRange(prompt, prompt.length - most, prompt.length)).toList();
    }

    /** Room to leave: what was asked for, or of an open end one token. */
    private static int leastCompletion(ResponseFormat format, GenerationOptions options) {
        if (options.maxTokens() != GenerationOptions.NOT_GIVEN) {
            return options.maxTokens();
        }
        return format.defaultMaxTokens() == Integer.MAX_VALUE ? 1 : format.defaultMaxTokens();
    }

    private SamplingParameters sampling(Fields fields, ServedModel model) {
        return SamplingReader.read(fields, model, breakers.get(model.baseId()));
    }

    private TokenConstraint constraint(Fields fields, ServedModel model) {
        Requirement wanted = ConstraintReader.read(fields);
        return wanted == null
                ? null
                : wanted.compile(chatModels.get(model.baseId()).texts());
    }

    private CompletionJob job(ServedModel model, ResponseFormat format, List<int[]> prompts,
            GenerationOptions options, TurnPlan plan, Caller caller, Fields fields) {
        String id = caller.ids().next(format.idPrefix());
        CompletionJob job = CompletionJob.of(id, Instant.now().getEpochSecond(), model, format,
                prompts, options, plan, caller.identity(),
                ServiceReader.read(fields, caller.headers()),
                LabelsReader.read(fields, caller), caller.headers().traceparent());
        if (job.generationCount() > 1 && job.completionTokens() > limits.completionTokens()) {
            throw ApiException.invalid("max_tokens", job.generationCount() + " completions may "
                    + "have " + job.completionTokens() + " tokens together; one request may ask "
                    + "for at most " + limits.completionTokens()
                    + ", so ask for fewer completions or set a lower max_tokens");
        }
        return job;
    }
}
