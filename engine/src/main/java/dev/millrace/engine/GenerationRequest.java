package dev.millrace.engine;

import dev.millrace.engine.constrain.CompletionConstraint;
import java.util.List;
import java.util.Objects;

/**
 * One completion to generate, already tokenised and validated.
 *
 * @param id               unique; opaque to the engine, the meter's key
 * @param prompt           token ids, at least one
 * @param maxTokens        most tokens to sample, at least 1
 * @param sampling         how to draw
 * @param stopTokens       tokens that end the generation and are not published
 * @param stopSequences    UTF-8 byte strings that end it and are not published
 * @param ignoreEnd        whether to go on past the model's own end tokens
 * @param topLogprobs      likeliest tokens to report per position; -1 for no log probabilities
 * @param fairnessGroup    whom to be fair between; opaque
 * @param cacheSalt        prefixes are shared only among equal salts
 * @param adapterSlot      loaded adapter, or
 *                         {@link dev.millrace.engine.forward.SequenceRow#NO_ADAPTER}
 * @param constraint       what the completion's text must satisfy, compiled for this model's
 *                         vocabulary; null for anything
 * @param reply            what the reader is shown
 * @param terms            when to serve it
 */
public record GenerationRequest(String id, int[] prompt, int maxTokens, SamplingParameters sampling,
        int[] stopTokens, List<byte[]> stopSequences, boolean ignoreEnd, int topLogprobs,
        String fairnessGroup, String cacheSalt, int adapterSlot, CompletionConstraint constraint,
        ReplyOptions reply, ServiceTerms terms) {

    public GenerationRequest {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(sampling, "sampling");
        Objects.requireNonNull(terms, "terms");
        stopSequences = List.copyOf(stopSequences);
        if (prompt.length == 0) {
            throw new IllegalArgumentException("a prompt needs at least one token");
        }
        if (maxTokens < 1) {
            throw new IllegalArgumentException("maxTokens must be at least 1, got " + maxTokens);
        }
    }

    /** A completion that is shown as usual. */
    public GenerationRequest(String id, int[] prompt, int maxTokens, SamplingParameters sampling,
            int[] stopTokens, List<byte[]> stopSequences, boolean ignoreEnd, int topLogprobs,
            String fairnessGroup, String cacheSalt, int adapterSlot,
            CompletionConstraint constraint) {
        this(id, prompt, maxTokens, sampling, stopTokens, stopSequences, ignoreEnd, topLogprobs,
                fairnessGroup, cacheSalt, adapterSlot, constraint, ReplyOptions.DEFAULT,
                ServiceTerms.STANDARD);
    }

    /** A completion whose text may be anything. */
    public GenerationRequest(String id, int[] prompt, int maxTokens, SamplingParameters sampling,
            int[] stopTokens, List<byte[]> stopSequences, boolean ignoreEnd, int topLogprobs,
            String fairnessGroup, String cacheSalt, int adapterSlot) {
        this(id, prompt, maxTokens, sampling, stopTokens, stopSequences, ignoreEnd, topLogprobs,
                fairnessGroup, cacheSalt, adapterSlot, null);
    }

    /** The same completion under a constraint. */
    public GenerationRequest constrained(CompletionConstraint wanted) {
        return new GenerationRequest(id, prompt, maxTokens, sampling, stopTokens, stopSequences,
                ignoreEnd, topLogprobs, fairnessGroup, cacheSalt, adapterSlot, wanted, reply,
                terms);
    }

    /** The same completion with a loaded adapter. */
    public GenerationRequest withAdapter(int slot) {
        return new GenerationRequest(id, prompt, maxTokens, sampling, stopTokens, stopSequences,
                ignoreEnd, topLogprobs, fairnessGroup, cacheSalt, slot,
                constraint, reply, terms);
    }

    /** The same completion, shown otherwise. */
    public GenerationRequest shown(ReplyOptions wanted) {
        return new GenerationRequest(id, prompt, maxTokens, sampling, stopTokens, stopSequences,
                ignoreEnd, topLogprobs, fairnessGroup, cacheSalt, adapterSlot, constraint, wanted,
                terms);
    }

    /** The same completion, drawn otherwise. */
    public GenerationRequest sampled(SamplingParameters wanted) {
        return new GenerationRequest(id, prompt, maxTokens, wanted, stopTokens, stopSequences,
                ignoreEnd, topLogprobs, fairnessGroup, cacheSalt, adapterSlot, constraint, reply,
                terms);
    }

    /** The same completion, sooner or later. */
    public GenerationRequest served(ServiceTerms wanted) {
        return new GenerationRequest(id, prompt, maxTokens, sampling, stopTokens, stopSequences,
                ignoreEnd, topLogprobs, fairnessGroup, cacheSalt, adapterSlot, constraint, reply,
                wanted);
    }

    /** Whether this token ends the completion. */
    boolean endsAt(int token, Vocabulary vocabulary) {
        return stopsAt(token) || !ignoreEnd && vocabulary.endsGeneration(token);
    }

    /** Whether the request itself says that this token ends the completion. */
    boolean stopsAt(int token) {
        for (int stop : stopTokens) {
            if (stop == token) {
                return true;
            }
        }
        return false;
    }
}
