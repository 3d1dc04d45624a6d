package dev.millrace.server.openai.completion;

import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.PromptLogprobs;
import dev.millrace.engine.TokenUsage;
import dev.millrace.engine.UnloadedAdapterException;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.budget.Hold;
import dev.millrace.server.openai.wire.ApiException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.node.ObjectNode;

/** A job's generations with their accounts: opened before each is submitted, settled at the end. */
final class MeteredChoices implements AutoCloseable {

    private final CompletionJob job;
    private final Accounts accounts;
    private final RequestMetrics metrics;
    private final List<Generation> generations = new ArrayList<>();
    private final List<CompletableFuture<Receipt>> receipts = new ArrayList<>();
    private final SetAside setAside;
    private final long[] sampledNanos; // (generations): when each had its last token; 0 for none
    private final long[] startNanos; // (generations): when each was submitted, since 1970
    private RunningChoices running;

    private MeteredChoices(CompletionJob job, Accounts accounts, RequestMetrics metrics) {
        this.job = job;
        this.accounts = accounts;
        this.metrics = metrics;
        this.sampledNanos = new long[job.generationCount()];
        this.startNanos = new long[job.generationCount()];
        this.setAside = accounts.setAside(job.identity(), job.model(),
                MeteredRequest.priceOf(job.format().endpoint(), job.tierName()),
                job.mostTokens(), job.demands());
    }

    /**
     * Submits every generation of the job, or none.
     *
     * @throws ApiException 429 if the caller's tokens are used up, 402 if a budget is, 503 if the
     *                      engine takes no more,
     *                      400 if it can never run this
     */
    static MeteredChoices start(CompletionJob job, Accounts accounts, RequestMetrics metrics) {
        MeteredChoices choices = new MeteredChoices(job, accounts, metrics);
        boolean started = false;
        try {
            job.generations().forEach(choices::submit);
            started = true;
        } finally {
            choices.running = new RunningChoices(choices.generations);
            if (!started) {
                choices.close();
            }
        }
        return choices;
    }

    private void submit(GenerationRequest request) {
        Hold hold = setAside.holds().get(generations.size());
        CompletableFuture<Receipt> receipt = accounts.open(request.id(), job.model(),
                job.identity(), job.format().endpoint(), job.labels(),
                job.tierName(), hold);
        boolean submitted = false;
        try {
            Instant now = Instant.now();
            startNanos[generations.size()] = TimeUnit.SECONDS.toNanos(now.getEpochSecond())
                    + now.getNano();
            Generation generation = job.model().engine().submit(request);
            generations.add(generation);
            hold.endsBy(generation::curtail);
            receipts.add(receipt);
            submitted = true;
        } catch (OverloadException e) {
            throw ApiException.overloaded(e.getMessage(), e.retryAfter());
        } catch (UnloadedAdapterException e) {
            throw ApiException.refused(404, "model", "model_not_found", "the adapter of \""
                    + job.model().id() + "\" has just been unloaded; GET /v1/models lists what is"
                    + " served");
        } catch (IllegalArgumentException e) {
            throw ApiException.refused(400, job.format().promptField(), "invalid_value",
                    e.getMessage());
        } finally {
            if (!submitted) {
                accounts.refuse(request.id());
            }
        }
        receipt.thenAccept(paid -> metrics.paid(job.model(), paid));
    }

    /** Whether a choice was ended because its budget had no more. */
    boolean ranOutOfBudget(int choice) {
        return setAside.holds().get(choice).isExhausted();
    }

    /** The next event of any choice, or null if none came in time. */
    ChoiceEvent next(Duration timeout) throws InterruptedException {
        ChoiceEvent event = running.next(timeout);
        if (event != null && event.event() instanceof Token token) {
            long gapNanos = token.sampledNanos() - sampledNanos[event.choice()];
            if (sampledNanos[event.choice()] != 0 && gapNanos > 0) {
                metrics.gap(job.model(), gapNanos);
            }
            sampledNanos[event.choice()] = token.sampledNanos();
        }
        return event;
    }

    /** What the model made of a finished generation's prompt, where it was to report that. */
    PromptLogprobs promptLogprobs(int choice) {
        return generations.get(choice).promptLogprobs();
    }

    /** The logarithm of a finished generation's probability. */
    double logProbability(int choice) {
        return generations.get(choice).logProbability();
    }

    boolean allFinished() {
        return running.allFinished();
    }

    /** Tokens and cost, once all choices have finished; waits for the ledger. */
    ObjectNode usage(int reasoningTokens) throws InterruptedException {
        return Usage.of(job, running.finished(), accounts.await(receipts, job.id()),
                reasoningTokens, setAside.exhausted());
    }

    /** Cancels what still runs; afterwards every generation has ended and is in the metrics. */
    @Override
    public void close() {
        running.close();
        List<Finished> ends = running.finished();
        for (int i = 0; i < ends.size(); i++) {
            Finished end = ends.get(i);
            if (end != null) {
                metrics.finished(job, i, startNanos[i], end);
                note(i, end);
            }
        }
        setAside.settle(usedTokens());
    }

    private void note(int choice, Finished end) {
        TokenUsage usage = end.usage();
        boolean first = job.firstOfPrompt(choice);
        job.identity().notes().finished(first ? usage.promptTokens() : 0,
                first ? usage.cachedTokens() : 0, usage.completionTokens(),
                end.timings().queueNanos(), end.timings().firstTokenNanos(),
                end.reason().name().toLowerCase(Locale.ROOT));
    }

    /** Prompts once and all completions, as {@code usage} counts them. */
    private long usedTokens() {
        long tokens = 0;
        List<Finished> finished = running.finished();
        for (int i = 0; i < finished.size(); i++) {
            if (finished.get(i) != null) {
                TokenUsage usage = finished.get(i).usage();
                tokens += usage.completionTokens()
                        + (job.firstOfPrompt(i) ? usage.promptTokens() : 0);
            }
        }
        return tokens;
    }
}
