package dev.millrace.engine.embedding;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.TokenUsage;
import java.util.concurrent.CompletableFuture;

/** A request on its way through the engine; only the engine's thread writes to it. */
final class PendingEmbedding {

    private static final long NOT_YET = Long.MIN_VALUE;

    final EmbeddingRequest request;
    final int tokens;
    final CompletableFuture<EmbeddingResult> result = new CompletableFuture<>();
    private final float[][] vectors;
    private final long submittedNanos;
    private long firstStepNanos = NOT_YET;
    private int taken;
    private int computed;
    private int computedTokens;
    private volatile boolean cancelled;

    PendingEmbedding(EmbeddingRequest request, long submittedNanos) {
        this.request = request;
        this.tokens = request.tokens();
        this.vectors = new float[request.texts().size()][];
        this.submittedNanos = submittedNanos;
    }

    void cancel() {
        cancelled = true;
    }

    boolean cancelled() {
        return cancelled;
    }

    boolean allTaken() {
        return taken == vectors.length;
    }

    int nextLength() {
        return request.texts().get(taken).length();
    }

    /** The index of the next text, which a step is going to compute. */
    int take(long nowNanos) {
        if (firstStepNanos == NOT_YET) {
            firstStepNanos = nowNanos;
        }
        return taken++;
    }

    /** @return whether that was the last */
    boolean accept(int text, float[] vector) {
        vectors[text] = vector;
        computedTokens += request.texts().get(text).length();
        return ++computed == vectors.length;
    }

    EmbeddingResult end(FinishReason reason, long nowNanos) {
        long total = nowNanos - submittedNanos;
        FinishedRequest finished = new FinishedRequest(request.id(), reason,
                new TokenUsage(computedTokens, 0, 0), new RequestTimings(
                        firstStepNanos == NOT_YET ? total : firstStepNanos - submittedNanos, 0,
                        total));
        return new EmbeddingResult(reason == FinishReason.STOP ? vectors : null, finished);
    }
}
