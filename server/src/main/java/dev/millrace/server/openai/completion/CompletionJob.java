package dev.millrace.server.openai.completion;

import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.ReplyOptions;
import dev.millrace.engine.ServiceTerms;
import dev.millrace.server.dialogue.TurnPlan;
import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.openai.model.ModelDirectory;
import dev.millrace.server.openai.model.ServedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.tenants.Identity;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A validated request: one generation per prompt and choice.
 *
 * @param id             the response's id and the stem of its generations' ids
 * @param createdSeconds since 1970
 * @param prompts        token ids, each at least one
 * @param plan           how to read the completions
 * @param identity       whom to bill
 * @param maxTokens      most tokens to sample, per prompt
 * @param terms          when to serve it
 * @param labels         what the client says about it
 * @param traceparent    the trace that it belongs to, as its header says; or null
 */
public record CompletionJob(String id, long createdSeconds, ServedModel model,
        ResponseFormat format,
        List<int[]> prompts, GenerationOptions options, TurnPlan plan, Identity identity,
        int[] maxTokens, ServiceTerms terms, RequestLabels labels, String traceparent) {

    /**
     * Checks that the caller may use the model and every completion fits the context.
     *
     * @throws ApiException 404 for the former, 400 with both counts for the latter
     */
    public static CompletionJob of(String id, long createdSeconds, ServedModel model,
            ResponseFormat format, List<int[]> prompts, GenerationOptions options, TurnPlan plan,
            Identity identity, ServiceTerms terms, RequestLabels labels, String traceparent) {
        ModelDirectory.requireAllowed(model, identity);
        int[] maxTokens = new int[prompts.size()];
        for (int i = 0; i < maxTokens.length; i++) {
            maxTokens[i] = maxTokens(model, format, prompts.get(i).length, options.maxTokens());
            requireLeast(options.sampling().tokens().leastTokens(), maxTokens[i]);
        }
        requireBriefReport(prompts, options.answer().reply());
        return new CompletionJob(id, createdSeconds, model, format, prompts, options, plan,
                identity, maxTokens, terms, labels, traceparent);
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

    private static void requireLeast(int least, int most) {
        if (least > most) {
            throw ApiException.invalid("min_tokens", "min_tokens (" + least + ") must be at most "
                    + "max_tokens, which is " + most + " here; ask for fewer");
        }
    }

    private static void requireBriefReport(List<int[]> prompts, ReplyOptions reply) {
        long entries = prompts.stream().mapToLong(prompt -> prompt.length).sum()
                * (reply.promptTop() + 1);
        if (entries > PromptReport.ENTRIES) {
            throw ApiException.invalid("prompt", "log probabilities of so many prompt tokens, "
                    + reply.promptTop() + " likeliest for each, have " + entries + " entries; one "
                    + "answer may have at most " + PromptReport.ENTRIES + ", so ask for fewer of "
                    + "the likeliest, or shorten the prompt");
        }
    }

    private static ApiException tooLong(ResponseFormat format, String message) {
        return ApiException.refused(400, format.promptField(), "context_length_exceeded", message);
    }

    /** Most tokens that the generations may sample together. */
    public long completionTokens() {
        long tokens = 0;
        for (int most : maxTokens) {
            tokens += (long) most * options.candidates();
        }
        return tokens;
    }

    /** OpenAI's word for how it is served. */
    String tierName() {
        return terms.tier().name().toLowerCase(Locale.ROOT);
    }

    /** Generations in all: every prompt's in turn. */
    public int generationCount() {
        return prompts.size() * options.candidates();
    }

    /**
     * Which generations are shown, in the order of the choices' indices: of each prompt's, those of
     * the highest log probability in all, the first of equals.
     *
     * @param logProbability of every generation
     */
    List<Integer> shown(IntToDoubleFunction logProbability) {
        List<Integer> shown = new ArrayList<>();
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            int first = prompt * options.candidates();
            Stream<Integer> candidates = IntStream.range(first, first + options.candidates())
                    .boxed();
            if (options.candidates() > options.choices()) {
                candidates = candidates.sorted(Comparator.comparingDouble(
                        (Integer index) -> -logProbability.applyAsDouble(index)));
            }
            candidates.limit(options.choices()).forEach(shown::add);
        }
        return shown;
    }

    /** What the engine shall run. */
    List<GenerationRequest> generations() {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            for (int choice = 0; choice < options.candidates(); choice++) {
                int index = requests.size();
                requests.add(new GenerationRequest(generationId(index),
                        prompts.get(prompt), maxTokens[prompt], options.samplingOf(choice),
                        options.stopTokens(), options.stopSequences(), options.ignoreEnd(),
                        options.reportedLogprobs(), identity.tenant(),
                        identity.cacheSalt(options.cacheSalt()), model.adapterSlot(),
                        options.constraint(), options.answer().replyOf(choice), terms));
            }
        }
        return requests;
    }

    /** What each generation may cost money for; those of one prompt share its computation. */
    List<BudgetGate.Demand> demands() {
        List<BudgetGate.Demand> demands = new ArrayList<>();
        for (int index = 0; index < generationCount(); index++) {
            demands.add(new BudgetGate.Demand(generationId(index),
                    firstOfPrompt(index) ? promptOf(index).length : 0,
                    maxTokens[index / options.candidates()]));
        }
        return demands;
    }

    private String generationId(int index) {
        return index == 0 ? id : id + "-" + index;
    }

    /** Most tokens that it can use: each prompt and its completions, however they end. */
    long mostTokens() {
        long tokens = 0;
        for (int prompt = 0; prompt < prompts.size(); prompt++) {
            tokens += prompts.get(prompt).length + (long) maxTokens[prompt] * options.candidates();
        }
        return tokens;
    }

    /** The prompt of the generation at this index. */
    int[] promptOf(int index) {
        return prompts.get(index / options.candidates());
    }

    /** The generation that reports the prompt of the one at this index. */
    int firstOfSamePrompt(int index) {
        return index - index % options.candidates();
    }

    /** What the completion at this index begins with: its prompt, if that is wanted. */
    String echo(int index) {
        return options.answer().echo() ? model.tokenizer().decode(promptOf(index)) : "";
    }

    /** Whether the generation at this index is the first of its prompt. */
    boolean firstOfPrompt(int index) {
        return index % options.candidates() == 0;
    }
}
