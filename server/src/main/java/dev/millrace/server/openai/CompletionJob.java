package dev.millrace.server.openai;

import dev.millrace.engine.GenerationRequest;
import dev.millrace.server.tenants.Identity;
import java.util.ArrayList;
import java.util.List;

/**
 * A validated request: one generation per prompt and choice.
 *
 * @param id             the response's id and the stem of its generations' ids
 * @param createdSeconds since 1970
 * @param prompts        token ids, each at least one
 * @param identity       whom to bill
 * @param maxTokens      most tokens to sample, per prompt
 */
record CompletionJob(String id, long createdSeconds, ServedModel model, ResponseFormat format,
        List<int[]> prompts, GenerationOptions options, Identity identity, int[] maxTokens) {

    /**
     * Checks that the caller may use the model and every completion fits the context.
     *
     * @throws ApiException 404 for the former, 400 with both counts for the latter
     */
    static CompletionJob of(String id, long createdSeconds, ServedModel model,
            ResponseFormat format, List<int[]> prompts, GenerationOptions options,
            Identity identity) {
        ModelDirectory.requireAllowed(model, identity);
        int[] maxTokens = new int[prompts.size()];
        for (int i = 0; i < maxTokens.length; i++) {
            maxTokens[i] = maxTokens(model, format, prompts.get(i).length, options.maxTokens());
        }
        return new CompletionJob(id, createdSeconds, model, format, prompts, options, identity,
                maxTokens);
    }

    private static int maxTokens(ServedModel model, ResponseFormat format, int promptTokens,
            int wanted) {
        int left = model.contextTokens() - promptTokens;
        if (left < 1) {
            throw tooLong(format, "the prompt has " + promptTokens + " tokens, but the context of "
                    + model.id() + " holds " + model.contextTokens()
                    + ", the completion included; shorten the prompt");
        }
        if (wanted > left) {
            throw tooLong(format, "the prompt has " + promptTokens + " tokens and max_tokens asks "
                    + "for " + wanted + " more, together " + ((long) promptTokens + wanted)
                    + ", but the context of " + model.id() + " holds " + model.contextTokens()
                    + "; shorten the prompt or ask for at most " + left);
        }
        return wanted == GenerationOptions.NOT_GIVEN
                ? Math.min(left, format.defaultMaxTokens())
                : wanted;
    }

    private static ApiException tooLong(ResponseFormat format, String message) {
        return ApiException.refused(400, format.promptField(), "context_length_exceeded", message);
    }

    /** Choices in all: every prompt's in turn. */
    int choices() {
        return prompts.size() * options.choices();
    }

    /** What the engine shall run, in the order of the choices' indices. */
    List<GenerationRequest> generations() {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            for (int choice = 0; choice < options.choices(); choice++) {
                int index = requests.size();
                requests.add(new GenerationRequest(index == 0 ? id : id + "-" + index,
                        prompts.get(prompt), maxTokens[prompt], options.samplingOf(choice),
                        options.stopTokens(), options.stopSequences(), options.ignoreEnd(),
                        options.topLogprobs(), identity.tenant(),
                        identity.cacheSalt(options.cacheSalt()),
                        model.adapterSlot(), options.constraint()));
            }
        }
        return requests;
    }

    /** Most tokens that it can use: each prompt and its completions, however they end. */
    long mostTokens() {
        long tokens = 0;
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            tokens += prompts.get(prompt).length + (long) maxTokens[prompt] * options.choices();
        }
        return tokens;
    }

    /** Whether the choice at this index is the first of its prompt. */
    boolean firstOfPrompt(int index) {
        return index % options.choices() == 0;
    }
}
