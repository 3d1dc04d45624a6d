package dev.millrace.server.wiring;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/** Counts what a model's steps compute, by kind, on the way to the books. */
final class StepCounters implements StepObserver {

    private final StepObserver books;
    private final Counter prompt;
    private final Counter recompute;
    private final Counter decode;
    private final Counter rejected;
    private final Counter draft;
    private final Counter draftSeconds;

    /** @param books told of everything, first */
    StepCounters(StepObserver books, MeterRegistry registry, String model) {
        this.books = books;
        this.prompt = counter(registry, model, "prompt");
        this.recompute = counter(registry, model, "recompute");
        this.decode = counter(registry, model, "decode");
        this.rejected = counter(registry, model, "rejected");
        this.draft = counter(registry, model, "draft");
        this.draftSeconds = Counter.builder("millrace_draft_seconds")
                .description("device time of the draft model; part of what requests pay for")
                .tags("model_name", model).register(registry);
    }

    private static Counter counter(MeterRegistry registry, String model, String kind) {
        return Counter.builder("millrace_computed_tokens")
                .description("tokens computed: of prompts, again after preemption, of answers,"
                        + " guessed wrong, and of the draft model to guess")
                .tags("model_name", model, "kind", kind).register(registry);
    }

    @Override
    public void onStep(StepRecord step) {
        books.onStep(step);
        for (StepShare share : step.shares()) {
            prompt.increment(share.promptTokens());
            recompute.increment(share.recomputeTokens());
            decode.increment(share.decodeTokens());
            rejected.increment(share.rejectedTokens());
            draft.increment(share.draftTokens());
        }
        if (step.drafts()) {
            draftSeconds.increment(step.deviceNanos() * 1e-9);
        }
    }

    @Override
    public void onFinished(FinishedRequest request) {
        books.onFinished(request);
    }
}
