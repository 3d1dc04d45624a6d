package dev.millrace.server.tenants;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is found out about a request on its way, for the line that the log gets at its end. Safe to
 * share between threads.
 */
public final class RequestNotes {

    /** Nobody will read what is noted here. */
    static final RequestNotes NONE = new RequestNotes(false, false);

    private final boolean kept;
    private final boolean keepsText;
    private final List<String> answerIds = new ArrayList<>();
    private final List<String> finishReasons = new ArrayList<>();
    private String model;
    private String text;
    private long promptTokens;
    private long cachedTokens;
    private long completionTokens;
    private long costNanoUsd;
    private int receipts;
    private long queueNanos;
    private long firstTokenNanos;

    private RequestNotes(boolean kept, boolean keepsText) {
        this.kept = kept;
        this.keepsText = keepsText;
    }

    /** New notes. @param keepsText whether the log shall have what clients write */
    public static RequestNotes begin(boolean keepsText) {
        return new RequestNotes(true, keepsText);
    }

    /** Whether {@link #text} wants to be called. */
    public boolean keepsText() {
        return keepsText;
    }

    /** What the client wrote. */
    public synchronized void text(String body) {
        if (keepsText) {
            text = body;
        }
    }

    /** An account was opened. */
    public synchronized void opened(String answerId, String modelId) {
        if (kept) {
            answerIds.add(answerId);
            model = modelId;
        }
    }

    /** One of the request's generations has ended; times since it was submitted. */
    public synchronized void finished(long prompt, long cached, long completion, long queued,
            long first, String reason) {
        if (kept) {
            promptTokens += prompt;
            cachedTokens += cached;
            completionTokens += completion;
            queueNanos = Math.max(queueNanos, queued);
            firstTokenNanos = firstTokenNanos == 0 ? first : Math.min(firstTokenNanos, first);
            finishReasons.add(reason);
        }
    }

    /** One of its accounts is in the ledger. */
    public synchronized void paid(long nanoUsd) {
        costNanoUsd += nanoUsd;
        receipts++;
    }

    /** All that is known by now. */
    public synchronized Summary summary() {
        return new Summary(Optional.ofNullable(model), List.copyOf(answerIds),
                List.copyOf(finishReasons), promptTokens, cachedTokens, completionTokens,
                receipts > 0 && receipts == answerIds.size()
                        ? Optional.of(costNanoUsd)
                        : Optional.empty(),
                queueNanos, firstTokenNanos, Optional.ofNullable(text));
    }

    /**
     * The notes of one request.
     *
     * @param model           what it ran; empty for one that ran nothing
     * @param answerIds       the ledger's ids of it
     * @param costNanoUsd     empty while a receipt is missing, as when a client has left
     * @param queueNanos      the longest wait for a first step
     * @param firstTokenNanos from submission; 0 if there was none
     * @param text            what the client wrote, where that is kept
     */
    public record Summary(Optional<String> model, List<String> answerIds,
            List<String> finishReasons, long promptTokens, long cachedTokens,
            long completionTokens, Optional<Long> costNanoUsd, long queueNanos,
            long firstTokenNanos, Optional<String> text) {}
}
