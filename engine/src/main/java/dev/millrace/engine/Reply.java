package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.forward.StepResult.RowResult;
import java.nio.charset.StandardCharsets;

/** What one request's reader is told: tokens that no stop sequence claims, then the end. */
final class Reply {

    private static final long NOT_YET = Long.MIN_VALUE;

    private final GenerationRequest request;
    private final Vocabulary vocabulary;
    private final StopMatcher matcher;
    private final EventStream events;
    private final long submittedNanos;
    private long firstStepNanos = NOT_YET;
    private long firstTokenNanos = NOT_YET;
    private int sampledTokens;
    private double logProbability;

    /**
     * @param tokenLimit most tokens to sample
     * @throws IllegalArgumentException if the stop sequences are too many, too long or empty
     */
    Reply(GenerationRequest request, Vocabulary vocabulary, int tokenLimit, long submittedNanos) {
        this.request = request;
        this.vocabulary = vocabulary;
        this.matcher = new StopMatcher(request.stopSequences(), request.reply().stopsShown());
        this.events = new EventStream(tokenLimit);
        this.submittedNanos = submittedNanos;
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }

    EventStream events() {
        return events;
    }

    long submittedNanos() {
        return submittedNanos;
    }

    /** As {@link Generation#logProbability}. */
    double logProbability() {
        return logProbability;
    }

    /** Notes when the request's first step began. */
    void begin(long nowNanos) {
        firstStepNanos = nowNanos;
    }

    /**
     * Publishes a sampled token, or what may be shown of it.
     *
     * @param index which of the row's positions
     * @return whether it was the last
     */
    boolean accept(RowResult row, int index, long nowNanos) {
        if (firstTokenNanos == NOT_YET) {
            firstTokenNanos = nowNanos;
        }
        sampledTokens++;
        int token = row.tokens()[index];
        float logprob = row.logprobs().length == 0 ? Float.NaN : row.logprobs()[index];
        logProbability += logprob;
        boolean longEnough = sampledTokens > request.sampling().tokens().leastTokens();
        boolean last = request.endsAt(token, vocabulary);
        if (last && !(request.reply().stopsShown() && request.stopsAt(token))) {
            return true;
        }
        boolean matched = matcher.accept(new Token(token, text(token), logprob,
                row.top().isEmpty() ? null : row.top().get(index), nowNanos), longEnough,
                events::publish);
        return last || matched;
    }

    private byte[] text(int token) {
        byte[] text = vocabulary.bytes(token);
        return text.length == 0 && request.reply().specialShown()
                ? vocabulary.name(token)
                : text;
    }

    /** Where the time went, for a request that ends now. */
    RequestTimings timings(long nowNanos) {
        long total = nowNanos - submittedNanos;
        return new RequestTimings(
                firstStepNanos == NOT_YET ? total : firstStepNanos - submittedNanos,
                firstTokenNanos == NOT_YET ? 0 : firstTokenNanos - submittedNanos, total);
    }

    /** Publishes what was held back, since no stop sequence claimed it, and the end. */
    void end(FinishedRequest finished, String error) {
        matcher.flush(events::publish);
        byte[] stop = matcher.matched();
        events.publish(new Finished(finished.reason(), finished.usage(), finished.timings(),
                stop == null ? null : new String(stop, StandardCharsets.UTF_8), error));
    }
}
