package dev.millrace.server.batches;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.RequestHeaders;
import dev.millrace.server.store.BatchCounts;
import dev.millrace.server.store.BatchStatus;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.StoredBatch;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.QuotaException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * One batch, from where it is to its end. Everything that it has done is in the store and in the
 * files of its results, so another run goes on where one stopped.
 */
final class BatchRun {

    static final String EXPIRED = "batch_expired";
    private static final String CANCELLED = "batch_cancelled";

    private static final Logger LOG = LoggerFactory.getLogger(BatchRun.class);
    private static final Duration LOOK = Duration.ofMillis(250);
    private static final Duration FIRST_RETRY = Duration.ofMillis(100);
    private static final Duration LONGEST_RETRY = Duration.ofSeconds(30);
    private static final int HASH_BYTES = 16;

    private final BatchStore store;
    private final BatchRunner.Terms terms;
    private final CountDownLatch halting = new CountDownLatch(1);
    private StoredBatch batch;
    private volatile boolean cancelled;
    private volatile boolean revoked;
    private volatile Exception failure;
    private volatile BatchResults results;

    BatchRun(StoredBatch batch, BatchStore store, BatchRunner.Terms terms) {
        this.batch = batch;
        this.store = store;
        this.terms = terms;
    }

    /** Its rows so far, where it has got to them. */
    Optional<BatchCounts> counts() {
        return Optional.ofNullable(results).map(BatchResults::counts);
    }

    /** Nobody wants it any more: rows that run are cancelled, the others do not begin. */
    void cancel() {
        cancelled = true;
        halting.countDown();
    }

    /** The server ends: no more rows begin. */
    void stop() {
        halting.countDown();
    }

    private boolean halted() {
        return halting.getCount() == 0 || revoked || failure != null;
    }

    private boolean overdue() {
        return store.nowMillis() >= batch.expiresMillis();
    }

    /**
     * Goes on to the end, or until it is halted.
     *
     * @throws IOException if a file cannot be read or written; another run may do better
     */
    void run() throws IOException, InterruptedException {
        failure = null;
        batch = store.run(batch.id());
        Path file = store.files().path(batch.inputFileId());
        BatchInput input = new BatchInput(file, batch.endpoint(), terms.limits());
        cancelled |= batch.status() == BatchStatus.CANCELLING;
        if (!cancelled && !Files.exists(file)) {
            end(BatchStatus.FAILED, BatchErrors.of("file_not_found", "the input file is gone"));
        } else if (batch.status() != BatchStatus.VALIDATING || validate(input)) {
            results(input);
        }
    }

    /** @return whether there are rows to run */
    private boolean validate(BatchInput input) throws IOException, InterruptedException {
        Optional<Identity> owner = owner();
        if (owner.isEmpty()) {
            end(BatchStatus.FAILED, revocation());
            return false;
        }
        BatchInput.Report report = input.check(
                model -> terms.models().require(model, owner.get()), this::halted);
        if (halted() && !cancelled) {
            return false;
        }
        if (!cancelled && !report.errors().isEmpty()) {
            end(BatchStatus.FAILED, report.errors());
            return false;
        }
        if (!cancelled) {
            batch = store.progress(batch.id(), report.model(), report.rows());
        }
        return true;
    }

    private void results(BatchInput input) throws IOException, InterruptedException {
        if (batch.outputFileId() == null) {
            end(BatchStatus.CANCELLED, new BatchErrors());
            return;
        }
        try (BatchResults opened = BatchResults.open(store.files().path(batch.outputFileId()),
                store.files().path(batch.errorFileId()))) {
            results = opened;
            rows(input);
        }
        if (failure instanceof IOException e) {
            throw e;
        }
        if (failure instanceof LedgerException e) {
            throw e;
        }
        finish(input);
    }

    private void rows(BatchInput input) throws IOException, InterruptedException {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            input.each(row -> {
                if (results.had(row.customId())) {
                    return true;
                }
                while (!terms.places().tryAcquire(LOOK.toMillis(), TimeUnit.MILLISECONDS)) {
                    if (halted() || overdue()) {
                        return false;
                    }
                }
                if (halted() || overdue()) {
                    terms.places().release();
                    return false;
                }
                threads.execute(() -> answer(row));
                return true;
            });
        }
    }

    /** Answers a row, which has a place. */
    private void answer(BatchRow row) {
        try {
            attempts(row);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException | LedgerException e) {
            failure = e;
        } finally {
            terms.places().release();
        }
    }

    private void attempts(BatchRow row) throws IOException, InterruptedException {
        Duration pause = FIRST_RETRY;
        for (int attempt = 0; !halted() && !overdue(); attempt++) {
            Optional<Identity> owner = owner();
            if (owner.isEmpty()) {
                revoked = true;
                return;
            }
            ApiException refusal = attempt(row, owner.get(), hash(row, attempt));
            if (refusal == null) {
                return;
            }
            Duration wanted = refusal.retryAfter().orElse(Duration.ZERO);
            halting.await(Math.max(pause.toMillis(), Math.min(wanted.toMillis(),
                    LONGEST_RETRY.toMillis())), TimeUnit.MILLISECONDS);
            pause = pause.multipliedBy(2).compareTo(LONGEST_RETRY) < 0
                    ? pause.multipliedBy(2)
                    : LONGEST_RETRY;
        }
    }

    /** @return why it should be tried again; null if it has ended, or nobody wants it */
    private ApiException attempt(BatchRow row, Identity owner, String hash)
            throws IOException, InterruptedException {
        try {
            owner.quota().takeRequest();
            JsonNode answer = terms.endpoints().answer(batch.endpoint(), row.body(),
                    new Caller(owner, () -> cancelled || overdue(), RequestHeaders.NONE,
                            prefix -> prefix + hash));
            terms.price().addTo(answer);
            results.answered(row, hash, answer);
        } catch (QuotaException e) {
            return ApiException.limited(e);
        } catch (ApiException e) {
            if (e.status() == 503 || e.status() == 429 && e.retryAfter().isPresent()) {
                return e;
            }
            results.refused(row, hash, e.status(), e.envelope());
        } catch (LedgerException | IOException e) {
            if (!cancelled && !overdue()) {
                throw e;
            }
        } catch (RuntimeException | StackOverflowError e) {
            LOG.error("row {} of {} failed", row.line(), batch.id(), e);
            ApiException failed = ApiException.failed("the server failed; see its log for "
                    + batch.id());
            results.refused(row, hash, failed.status(), failed.envelope());
        }
        return null;
    }

    private Optional<Identity> owner() {
        return terms.owners().find(batch.keyId());
    }

    /** Different whenever the row runs again: what ran before has a place in the ledger. */
    private String hash(BatchRow row, int attempt) {
        try {
            byte[] whole = MessageDigest.getInstance("SHA-256").digest((batch.id() + "/"
                    + row.line() + "/" + batch.runs() + "/" + attempt)
                    .getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(whole, 0, HASH_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private void finish(BatchInput input) throws IOException, InterruptedException {
        if (revoked) {
            end(BatchStatus.FAILED, revocation());
        } else if (cancelled) {
            skip(input, CANCELLED, "the batch was cancelled before this request ran");
            end(BatchStatus.CANCELLED, new BatchErrors());
        } else if (results.expired() || overdue() && !complete()) {
            skip(input, EXPIRED, "the completion window ended before this request ran");
            end(BatchStatus.EXPIRED, new BatchErrors());
        } else if (complete()) {
            batch = store.finalizing(batch.id());
            end(BatchStatus.COMPLETED, new BatchErrors());
        }
    }

    private boolean complete() {
        BatchCounts counts = results.counts();
        return counts.completed() + counts.failed() == batch.total();
    }

    /** The error file has what did not run, too. */
    private void skip(BatchInput input, String code, String message)
            throws IOException, InterruptedException {
        try (BatchResults all = BatchResults.open(store.files().path(batch.outputFileId()),
                store.files().path(batch.errorFileId()))) {
            results = all;
            input.each(row -> {
                if (!all.had(row.customId())) {
                    all.skipped(row, hash(row, 0), code, message);
                }
                return true;
            });
        }
    }

    private static BatchErrors revocation() {
        return BatchErrors.of("invalid_api_key",
                "the key that the batch was made with has been revoked");
    }

    private void end(BatchStatus status, BatchErrors errors)
            throws IOException, InterruptedException {
        batch = store.end(batch, status, errors.text(), counts().orElse(BatchCounts.NONE));
    }
}
