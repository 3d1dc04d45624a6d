package dev.millrace.server.openai;

import dev.millrace.engine.Vocabulary;
import dev.millrace.engine.constrain.TokenConstraint;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/** Reads requests into jobs: every parameter is validated here and nowhere later. */
final class JobReader {

    private final ModelDirectory models;
    private final Map<String, ConstraintCache> constraints;
    private final HttpLimits limits;

    /** @param served models whose vocabularies constraints are compiled for */
    JobReader(ModelDirectory models, List<ServedModel> served, HttpLimits limits) {
        this.models = models;
        this.constraints = served.stream().collect(Collectors.toMap(ServedModel::baseId,
                model -> new ConstraintCache(Vocabulary.of(model.tokenizer(),
                        model.spec().vocabularySize())),
                (first, same) -> first));
        this.limits = limits;
    }

    /** Reads a chat. @throws ApiException 400 or 404 that names the field */
    CompletionJob chat(Fields fields, ChatFormat format, Caller caller) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInChat(fields);
        GenerationOptions options = OptionsReader.chat(fields, model, limits)
                .constrained(constraint(fields, model));
        return job(model, format, List.of(chatPrompt(fields, model)), options, caller);
    }

    /** The tokens of a chat's prompt. @throws ApiException 400 or 404 that names the field */
    int[] chatPrompt(Fields fields) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInChat(fields);
        return chatPrompt(fields, model);
    }

    private static int[] chatPrompt(Fields fields, ServedModel model) {
        return Prompts.chat(model, ChatMessages.read(fields));
    }

    /** Reads a plain completion. @throws ApiException 400 or 404 that names the field */
    CompletionJob completion(Fields fields, Caller caller) {
        ServedModel model = models.require(fields.text("model"));
        UnsupportedFields.refuseInCompletion(fields);
        GenerationOptions options = OptionsReader.completion(fields, model, limits)
                .constrained(constraint(fields, model));
        List<int[]> prompts = Prompts.completion(fields, model, limits);
        if (prompts.size() * options.choices() > limits.choices()) {
            throw ApiException.invalid("n", prompts.size() + " prompts with n = "
                    + options.choices() + " make " + prompts.size() * options.choices()
                    + " completions; one request may ask for at most " + limits.choices());
        }
        return job(model, new CompletionFormat(), prompts, options, caller);
    }

    private TokenConstraint constraint(Fields fields, ServedModel model) {
        return ConstraintReader.read(fields, constraints.get(model.baseId()));
    }

    private static CompletionJob job(ServedModel model, ResponseFormat format,
            List<int[]> prompts, GenerationOptions options, Caller caller) {
        String id = format.idPrefix() + UUID.randomUUID().toString().replace("-", "");
        return CompletionJob.of(id, Instant.now().getEpochSecond(), model, format, prompts,
                options, caller.identity());
    }
}
