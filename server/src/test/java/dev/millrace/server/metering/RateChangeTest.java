package dev.millrace.server.metering;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;
import static org.awaitility.Awaitility.await;

/** A rate that doubles after an hour, in the middle of requests and steps. */
class RateChangeTest {

    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final MeterLimits LIMITS = new MeterLimits(10, 10, Duration.ofMillis(20),
            Duration.ofSeconds(9), Duration.ofSeconds(9));
    private static final Instant CHANGE = Instant.ofEpochMilli(
            ManualClock.START_MILLIS + 3_600_000);
    /** A nano-dollar per microsecond, then two. */
    private static final RateSchedule RATES = RateSchedule.of(moment -> CostModel.ofRent(
            moment.isBefore(CHANGE) ? 3_600_000_000L : 7_200_000_000L, false));

    @TempDir
    Path folder;

    private final ManualClock clock = new ManualClock();
    private final ManualLane lane = new ManualLane();

    @Test
    void aRequestPaysEachPartOfItsTimeAtTheRateOfThatTime() throws Exception {
        Path file = folder.resolve("ledger.db");
        UsageMeter meter = start(file, lane);
        CompletableFuture<Receipt> receipt = workAcrossTheChange(meter, file);
        lane.step(3_000_000);
        meter.onStep(step(3_000_000));
        meter.onFinished(new FinishedRequest("a", FinishReason.STOP, new TokenUsage(8, 0, 3),
                new RequestTimings(0, 0, 0)));

        assertThat(receipt.orTimeout(120, TimeUnit.SECONDS).get()
                .costNanoUsd()).as("4 ms, then the step that the change ran into, then 3 ms")
                .isEqualTo(4_000 + 2 * 1_000 + 2 * 3_000);
        meter.close();
        LedgerSummary books = summary(file);
        assertThat(books.balance().balances()).isTrue();
        assertThat(books.balance().billNanoUsd()).isEqualTo(12_000 + 5_000 + 2 * 6_000);
        assertThat(books.models().getFirst().prefillUsd() + books.models().getFirst().decodeUsd())
                .isCloseTo(12_000e-9, within(1e-12));
        assertThat(number(file, "SELECT rate_changed FROM request")).isEqualTo(1);
        assertThat(number(file, "SELECT lane_nanos FROM rate_epoch ORDER BY id LIMIT 1"))
                .as("the first rate ends where the step began").isEqualTo(9_000_000);
    }

    @Test
    void aCrashAfterTheChangeLosesNothingOfBefore() throws Exception {
        Path file = folder.resolve("ledger.db");
        UsageMeter meter = start(file, lane);
        workAcrossTheChange(meter, file);
        Path crashed = folder.resolve("crashed.db");
        execute(file, "VACUUM INTO '" + crashed + "'");
        meter.close();
        assertThat(summary(crashed).balance().balances()).as("as the crash left it").isTrue();

        clock.move(60_000);
        start(crashed, new ManualLane()).close();

        LedgerSummary books = summary(crashed);
        assertThat(books.balance().balances()).as("after the next start").isTrue();
        assertThat(number(crashed, "SELECT cost_nano_usd FROM request WHERE finish_reason ="
                + " 'interrupted'")).isBetween(4_000L, 6_000L);
    }

    /** 5 ms idle, 4 ms at the first rate, a step over the change, 6 ms idle at the second. */
    private CompletableFuture<Receipt> workAcrossTheChange(UsageMeter meter, Path file)
            throws SQLException {
        CompletableFuture<Receipt> receipt = meter.open(new MeteredRequest("a", "tiny", "tenant",
                "/v1/completions"));
        lane.idle(5_000_000);
        lane.step(4_000_000);
        meter.onStep(step(4_000_000));
        await().atMost(PATIENCE).until(() -> number(file,
                "SELECT coalesce(max(prefill_nanos), 0) FROM open_request") == 4_000_000);
        lane.step(1_000_000); // nobody is told of it yet
        clock.move(3_600_000);
        await().atMost(PATIENCE).until(() -> number(file,
                "SELECT count(*) FROM rate_epoch") == 2);
        meter.onStep(step(1_000_000));
        lane.idle(6_000_000);
        return receipt;
    }

    private UsageMeter start(Path file, ManualLane device) {
        return UsageMeter.start(UsageLedger.open(file), RATES, StepWeights.DEFAULT, device,
                EnergySource.NONE, clock, LIMITS);
    }

    private static StepRecord step(long nanos) {
        return new StepRecord(nanos, List.of(new StepShare("a", 8, 0, 0, 36)));
    }

    private static LedgerSummary summary(Path file) {
        try (LedgerReader reader = LedgerReader.open(file)) {
            return reader.summary();
        }
    }

    private static long number(Path file, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getLong(1);
        }
    }

    private static void execute(Path file, String sql) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
