package dev.millrace.server.metering;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class UsageMeterTest {

    private static final CostModel RATE = CostModel.ofRent(3_600_000_000L, false);
    private static final StepWeights WEIGHTS = new StepWeights(1_000, 100, 1);
    private static final MeterLimits LIMITS = new MeterLimits(4, 2, Duration.ofMillis(20), Duration
            .ofMillis(150), Duration.ofSeconds(2));

    @TempDir
    Path folder;

    private final ManualLane lane = new ManualLane();
    private final ManualClock clock = new ManualClock();
    private UsageMeter meter;

    @AfterEach
    void stop() {
        if (meter != null) {
            meter.close();
        }
    }

    @Test
    void aRequestPaysForTheStepsThatItWasIn() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> receipt = open("a");
        step(1_000_000, share("a", 8, 0, 0));
        step(2_000_000, share("a", 0, 0, 1));
        step(3_000_000, share("a", 0, 0, 1));
        finish("a", FinishReason.STOP, new TokenUsage(8, 0, 3));

        // at a dollar per 1e9 ms the nano-dollars are the nanoseconds / 1,000
        assertThat(await(receipt)).isEqualTo(new Receipt("a", 6_000, 1_000_000, 5_000_000, -1,
                false, 6_000, List.of(), 6_000, null));
    }

    @Test
    void sequencesShareAStepByWeight() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> prompt = open("prompt");
        CompletableFuture<Receipt> decode = open("decode");
        // weights 500 + 9 x 100 + 45 = 1445 and 500 + 100 + 100 = 700
        step(2_145_000, new StepShare("prompt", 9, 0, 0, 45), new StepShare("decode", 0, 0, 1,
                100));
        finish("prompt", FinishReason.LENGTH, new TokenUsage(9, 0, 1));
        finish("decode", FinishReason.LENGTH, new TokenUsage(1, 0, 2));

        assertThat(await(prompt).prefillNanos()).isEqualTo(1_445_000);
        assertThat(await(decode).decodeNanos()).isEqualTo(700_000);
    }

    /** What was shared stays; the ledger has all weights, and the next session begins so. */
    @Test
    void aModelsWeightsAreLearntFromItsStepsAndKept() throws Exception {
        start(RATE);
        StepObserver model = meter.steps("tiny", "abacus", StepWeights.DEFAULT);
        CompletableFuture<Receipt> prompt = open("prompt");
        CompletableFuture<Receipt> decode = open("decode");
        long promptNanos = 0;
        for (int i = 0; i < 8; i++) {
            int tokens = 1 + 7 * (i & 1);
            long nanos = 1_000_000L + 4_000_000L * (tokens + 1); // tokens are dear here
            lane.step(nanos);
            model.onStep(new StepRecord(nanos, List.of(new StepShare("prompt", tokens, 0, 0, 0),
                    new StepShare("decode", 0, 0, 1, 0))));
            if (i < 4) {
                promptNanos += nanos * (500_000 + tokens * 250_000) / (1_250_000 + tokens
                        * 250_000);
            }
        }
        model.onFinished(new FinishedRequest("prompt", FinishReason.LENGTH,
                new TokenUsage(36, 0, 1), new RequestTimings(0, 0, 0)));
        finish("decode", FinishReason.LENGTH, new TokenUsage(1, 0, 9));

        long four = (1_000_000L + 4 * 8_000_000L) + (1_000_000L + 4 * 2_000_000L); // about
        assertThat(await(prompt).prefillNanos()).as("the first four by what is expected, the"
                + " others by what was learnt").isGreaterThan(promptNanos + four);
        assertThat(await(decode).decodeNanos()).isPositive();
        assertThat(summaryAfterClose().balance().balances()).isTrue();
        assertThat(query("SELECT max(revision) FROM step_weights WHERE model = 'tiny'"
                + " AND device = 'abacus' AND drafts = 0")).isIn("1", "2");
        String learnt = query("SELECT token_femtos FROM step_weights WHERE drafts = 0"
                + " ORDER BY revision DESC LIMIT 1");

        assertThat(firstTokenFemtos(2, "another")).isEqualTo("250000000000");
        assertThat(firstTokenFemtos(3, "abacus")).isEqualTo(learnt);
    }

    /** Begins a session with the model on a device; tells what its first steps are shared by. */
    private String firstTokenFemtos(int session, String device) throws Exception {
        meter = UsageMeter.start(UsageLedger.open(file()), RateSchedule.of(RATE), WEIGHTS,
                new ManualLane(), EnergySource.NONE, clock, LIMITS);
        meter.steps("tiny", device, StepWeights.DEFAULT);
        assertThat(summaryAfterClose().balance().balances()).isTrue();
        return query("SELECT token_femtos FROM step_weights WHERE session_id = " + session
                + " AND device = '" + device + "' AND drafts = 0 AND revision = 0");
    }

    @Test
    void recomputedTokensAreTheMachinesAndNotTheRequests() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> receipt = open("a");
        step(1_000_000, share("a", 0, 50, 0));
        step(1_000_000, share("a", 5, 15, 0));
        finish("a", FinishReason.STOP, new TokenUsage(70, 0, 1));

        assertThat(await(receipt).prefillNanos()).isEqualTo(250_000);
        assertThat(meter.status().recomputeNanos()).isEqualTo(1_750_000);
    }

    @Test
    void guessesThatTheModelDidNotSayAreALineOfTheirOwn() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> receipt = open("a");
        // 1,000 to read the weights, 100 for the token that was kept, 300 for three that were not
        step(1_400_000, new StepShare("a", 0, 0, 1, 3, 0, 0));
        finish("a", FinishReason.STOP, new TokenUsage(1, 0, 2, 0, 3));

        assertThat(await(receipt).decodeNanos()).isEqualTo(1_100_000);
        assertThat(meter.status().rejectedNanos()).isEqualTo(300_000);
        LedgerSummary books = summaryAfterClose();
        assertThat(books.machineNanos()).containsEntry("rejected", 300_000L);
        assertThat(books.balance().balances()).isTrue();
    }

    @Test
    void whatADraftModelTakesIsPartOfWhatItsRequestDecodes() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> receipt = open("a");
        step(300_000, new StepShare("a", 0, 0, 0, 0, 4, 10));
        step(1_200_000, new StepShare("a", 0, 0, 2, 0, 0, 0));
        finish("a", FinishReason.STOP, new TokenUsage(1, 0, 3, 1, 0));

        assertThat(await(receipt).decodeNanos()).isEqualTo(1_500_000);
        assertThat(await(receipt).prefillNanos()).isZero();
        assertThat(summaryAfterClose().balance().balances()).isTrue();
    }

    @Test
    void aRefusedRequestCostsNothingAndHasItsRow() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> receipt = open("a");

        meter.refuse("a", "the queue is full");

        assertThat(await(receipt).costNanoUsd()).isZero();
        assertThat(query("SELECT finish_reason || ': ' || detail FROM request"))
                .isEqualTo("refused: the queue is full");
        assertThatIllegalStateException().isThrownBy(() -> meter.refuse("a", "again"));
    }

    @Test
    void twoRequestsCannotHaveTheSameId() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> first = open("a");

        assertThatIllegalArgumentException().isThrownBy(() -> open("a"))
                .withMessageContaining("already open");
        finish("a", FinishReason.STOP, new TokenUsage(1, 0, 1));
        await(first);

        CompletableFuture<Receipt> second = open("a");
        step(5_000, share("a", 1, 0, 0));
        finish("a", FinishReason.STOP, new TokenUsage(1, 0, 2));
        assertThatThrownBy(() -> await(second)).hasCauseInstanceOf(LedgerException.class)
                .hasMessageContaining("from an earlier request");
        assertThat(meter.status().unrecordedNanos()).isEqualTo(5_000);
        assertThat(summaryAfterClose().balance().balances()).isTrue();
    }

    @Test
    void timeOfUnknownRequestsIsUnrecordedAndNotLost() {
        start(RATE);
        step(7_000_000, share("nobody", 1, 0, 0));

        LedgerSummary summary = summaryAfterClose();

        assertThat(summary.machineNanos()).containsEntry("unrecorded", 7_000_000L);
        assertThat(summary.balance().balances()).isTrue();
    }

    @Test
    void aLedgerThatCannotBeWrittenLosesNothing() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> late;
        try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = other.createStatement()) {
            statement.execute("CREATE TRIGGER full BEFORE INSERT ON request"
                    + " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
            late = open("late");
            step(1_000_000, share("late", 3, 0, 0));
            finish("late", FinishReason.STOP, new TokenUsage(3, 0, 1));
            assertThatThrownBy(() -> await(late)).hasCauseInstanceOf(LedgerException.class)
                    .hasMessageContaining("disk is full");
            assertThat(meter.status().failedPostings()).isPositive();
            assertThat(meter.status().unpaidAccounts()).isEqualTo(1);

            open("b");
            open("c");
            open("d");
            assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> open("e"))
                    .withMessageContaining("4 requests");
            statement.execute("DROP TRIGGER full");
        }
        LedgerSummary summary = summaryAfterClose();

        assertThat(query("SELECT finish_reason || cost_nano_usd FROM request WHERE id = 'late'"))
                .isEqualTo("stop1000");
        assertThat(summary.requests()).isEqualTo(4);
        assertThat(summary.balance().balances()).isTrue();
    }

    @Test
    void aServerThatIsToStopAtAnOutageTakesNoRequestsUntilItIsOver() throws Exception {
        meter = UsageMeter.start(UsageLedger.open(file()), RateSchedule.of(RATE), WEIGHTS, lane,
                EnergySource.NONE, clock, LIMITS.atOutage(4, true));
        try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = other.createStatement()) {
            statement.execute("CREATE TRIGGER full BEFORE INSERT ON request"
                    + " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
            CompletableFuture<Receipt> first = open("first");
            finish("first", FinishReason.STOP, new TokenUsage(3, 0, 1));
            assertThatThrownBy(() -> await(first)).hasMessageContaining("disk is full");
            assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> open("second"))
                    .withMessageContaining("ledger_outage");
            statement.execute("DROP TRIGGER full");
        }
        org.awaitility.Awaitility.await().until(() -> meter.status().unpaidAccounts() == 0);
        open("third");

        assertThat(summaryAfterClose().requests()).isEqualTo(2);
    }

    @Test
    void aLedgerThatStaysUnwritableIsReportedAtTheEnd() throws Exception {
        start(RATE);
        CompletableFuture<Receipt> receipt = open("a");
        step(1_000_000, share("a", 3, 0, 0));
        TimeUnit.MILLISECONDS.sleep(500); // a checkpoint or two
        try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = other.createStatement()) {
            statement.execute("CREATE TRIGGER full BEFORE INSERT ON request"
                    + " BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
            finish("a", FinishReason.STOP, new TokenUsage(3, 0, 1));
            UsageMeter failing = meter;
            meter = null;
            assertThatExceptionOfType(LedgerException.class).isThrownBy(failing::close)
                    .withMessageContaining("1 requests are not in the ledger");
            assertThat(receipt).isCompletedExceptionally();
            statement.execute("DROP TRIGGER full");
        }
        start(RATE);

        assertThat(query("SELECT finish_reason || cost_nano_usd FROM request WHERE id = 'a'"))
                .isEqualTo("interrupted1000");
    }

    @Test
    @Timeout(300)
    void theWriterOutlivesAnErrorOfTheMachine() throws Exception {
        AtomicBoolean broken = new AtomicBoolean();
        meter = UsageMeter.start(UsageLedger.open(file()), RateSchedule.of(RATE), WEIGHTS, () -> {
            if (broken.get()) {
                throw new OutOfMemoryError("on purpose");
            }
            return lane.get();
        }, EnergySource.NONE, clock, LIMITS);
        CompletableFuture<Receipt> receipt = open("a");
        broken.set(true);
        while (meter.status().failedPostings() == 0) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
        broken.set(false);
        step(1_000_000, share("a", 3, 0, 0));
        finish("a", FinishReason.STOP, new TokenUsage(3, 0, 1));

        assertThat(await(receipt).costNanoUsd()).isEqualTo(1_000);
        assertThat(summaryAfterClose().balance().balances()).isTrue();
    }

    @Test
    void energyIsSharedLikeTime() throws Exception {
        long[] microjoules = {1_000};
        EnergySource energy = new EnergySource() {
            @Override
            public synchronized long microjoules() {
                return microjoules[0];
            }

            @Override
            public String description() {
                return "scripted";
            }
        };
        meter = UsageMeter.start(UsageLedger.open(file()), RateSchedule.of(RATE), WEIGHTS, lane,
                energy, clock,
                new MeterLimits(4, 2, Duration.ofHours(1), Duration.ofSeconds(9), Duration
                        .ofSeconds(9)));
        CompletableFuture<Receipt> receipt = open("a");
        // the first checkpoint is over, the next is far
        Awaitility.await().atMost(Duration.ofMinutes(2))
                .until(() -> meter.status().postings() > 0);
        synchronized (energy) {
            microjoules[0] = 9_000;
        }
        lane.idle(1_000_000);
        step(3_000_000, share("a", 3, 0, 0));
        finish("a", FinishReason.STOP, new TokenUsage(3, 0, 1));

        assertThat(await(receipt).microjoules()).isEqualTo(6_000);
        assertThat(await(receipt).energySource()).isEqualTo("scripted");
        assertThat(summaryAfterClose().energySources()).containsExactly("scripted");
        assertThat(query("SELECT microjoules FROM machine_time WHERE kind = 'idle'"))
                .isEqualTo("2000");
    }

    private void start(CostModel rate) {
        meter = UsageMeter.start(UsageLedger.open(file()), RateSchedule.of(rate), WEIGHTS, lane,
                EnergySource.NONE,
                clock, LIMITS);
    }

    private Path file() {
        return folder.resolve("ledger.db");
    }

    private CompletableFuture<Receipt> open(String id) {
        return meter.open(new MeteredRequest(id, "tiny", "tenant", "/v1/completions"));
    }

    private void step(long nanos, StepShare... shares) {
        lane.step(nanos);
        meter.onStep(new StepRecord(nanos, List.of(shares)));
    }

    private static StepShare share(String id, int prompt, int recompute, int decode) {
        return new StepShare(id, prompt, recompute, decode, 0);
    }

    private void finish(String id, FinishReason reason, TokenUsage usage) {
        meter.onFinished(new FinishedRequest(id, reason, usage, new RequestTimings(0, 0, 0)));
    }

    private static Receipt await(CompletableFuture<Receipt> receipt)
            throws InterruptedException, ExecutionException {
        return receipt.orTimeout(120, TimeUnit.SECONDS).get();
    }

    private LedgerSummary summaryAfterClose() {
        meter.close();
        meter = null;
        try (LedgerReader reader = LedgerReader.open(file())) {
            return reader.summary();
        }
    }

    private String query(String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file());
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }
}
