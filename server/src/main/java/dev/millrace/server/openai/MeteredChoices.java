package dev.millrace.server.openai;

import dev.millrace.engine.Generation;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.RequestMeter;
import dev.millrace.server.tenants.Quota;
import dev.millrace.server.tenants.QuotaException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.node.ObjectNode;

/** A job's generations with their accounts: opened before each is submitted, settled at the end. */
final class MeteredChoices implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(MeteredChoices.class);
    /** The ledger commits in groups every few milliseconds; a disk may have a bad moment. */
    private static final Duration RECEIPT_WAIT = Duration.ofSeconds(10);

    private static final Duration LEDGER_RETRY = Duration.ofSeconds(5);

    private final CompletionJob job;
    private final RequestMeter meter;
    private final RequestMetrics metrics;
    private final List<Generation> generations = new ArrayList<>();
    private final List<CompletableFuture<Receipt>> receipts = new ArrayList<>();
    private final Quota.Reservation reservation;
    private RunningChoices running;

    private MeteredChoices(CompletionJob job, RequestMeter meter, RequestMetrics metrics) {
        this.job = job;
        this.meter = meter;
        this.metrics = metrics;
        this.reservation = reserve(job);
    }

    /**
     * Submits every generation of the job, or none.
     *
     * @throws ApiException 429 if the caller's tokens are used up, 503 if the engine takes no more,
     *                      400 if it can never run this
     */
    static MeteredChoices start(CompletionJob job, RequestMeter meter, RequestMetrics metrics) {
        MeteredChoices choices = new MeteredChoices(job, meter, metrics);
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

    private static Quota.Reservation reserve(CompletionJob job) {
        try {
            return job.identity().quota().reserve(job.mostTokens());
        } catch (QuotaException e) {
            throw ApiException.limited(e);
        }
    }

    private void submit(GenerationRequest request) {
        CompletableFuture<Receipt> receipt = open(request);
        boolean submitted = false;
        try {
            generations.add(job.model().engine().submit(request));
            receipts.add(receipt);
            submitted = true;
        } catch (OverloadException e) {
            throw ApiException.overloaded(e.getMessage(), e.retryAfter());
        } catch (IllegalArgumentException e) {
            throw ApiException.refused(400, job.format().promptField(), "invalid_value",
                    e.getMessage());
        } finally {
            if (!submitted) {
                meter.refuse(request.id(), "refused by the engine");
            }
        }
        receipt.thenAccept(paid -> metrics.paid(job.model(), paid));
    }

    /** What cannot be written down is not done. */
    private CompletableFuture<Receipt> open(GenerationRequest request) {
        try {
            return meter.open(new MeteredRequest(request.id(), job.model().id(),
                    job.identity().tenant(), job.format().endpoint(), job.identity().keyId()));
        } catch (LedgerException e) {
            LOG.error("no account for {}", request.id(), e);
            throw ApiException.overloaded("the ledger takes no more requests for now",
                    LEDGER_RETRY);
        }
    }

    /** The next event of any choice, or null if none came in time. */
    ChoiceEvent next(Duration timeout) throws InterruptedException {
        return running.next(timeout);
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
        return Usage.of(job, running.finished(), awaitReceipts(), reasoningTokens);
    }

    private List<Receipt> awaitReceipts() throws InterruptedException {
        List<Receipt> paid = new ArrayList<>();
        long deadline = System.nanoTime() + RECEIPT_WAIT.toNanos();
        try {
            for (CompletableFuture<Receipt> receipt : receipts) {
                paid.add(receipt.get(Math.max(1, deadline - System.nanoTime()),
                        TimeUnit.NANOSECONDS));
            }
            return paid;
        } catch (ExecutionException | TimeoutException e) {
            // The text was paid for and is good; that its price is unknown is said, not hidden.
            LOG.error("no receipt for {}; its usage.cost is null", job.id(), e);
            metrics.unpriced();
            return List.of();
        }
    }

    /** Cancels what still runs; afterwards every generation has ended and is in the metrics. */
    @Override
    public void close() {
        running.close();
        for (Finished end : running.finished()) {
            if (end != null) {
                metrics.finished(job.model(), end);
            }
        }
        reservation.settle(usedTokens());
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
