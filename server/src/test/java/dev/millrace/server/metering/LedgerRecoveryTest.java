package dev.millrace.server.metering;

import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;
import static org.awaitility.Awaitility.await;

/** What the next start makes of what the last one left behind. */
class LedgerRecoveryTest {

    private static final CostModel RATE = CostModel.ofRent(3_600_000_001L, true);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final MeterLimits LIMITS = new MeterLimits(10, 10, Duration.ofSeconds(1),
            Duration.ofSeconds(9), Duration.ofSeconds(9));
    private static final long SECOND = 1_000_000_000L;

    @TempDir
    Path folder;

    private final ManualClock clock = new ManualClock();
    private Path file;

    @BeforeEach
    void name() {
        file = folder.resolve("ledger.db");
    }

    @Test
    void timeBetweenOrderlySessionsIsOffline() {
        start(file, new ManualLane()).close();
        clock.move(90_000);
        ManualLane lane = new ManualLane();
        lane.overhead(5 * SECOND); // the second server began five seconds ago
        start(file, lane).close();

        LedgerSummary books = summary(file);
        assertThat(books.machineNanos()).containsEntry("offline", 85 * SECOND)
                .containsEntry("overhead", 5 * SECOND).doesNotContainKey("unrecorded");
        assertThat(books.balance().balances()).isTrue();
        assertThat(books.balance().billNanoUsd()).isEqualTo(90_000_000L);
        assertThat(books.assumed()).isTrue();
    }

    @Test
    void theOfflineTimeIsPaidAtTheRateThatWasInForceBefore() {
        start(file, new ManualLane()).close();
        clock.move(10_000);
        CostModel dearer = CostModel.ofRent(7_200_000_000L, false);
        UsageMeter.start(UsageLedger.open(file), RateSchedule.of(dearer), StepWeights.DEFAULT,
                new ManualLane(),
                EnergySource.NONE, clock, LIMITS).close();

        assertThat(summary(file).balance().billNanoUsd()).isEqualTo(10_000_000L);
        assertThat(summary(file).balance().balances()).isTrue();
    }

    @Test
    void aClockThatWentBackwardsMakesNoTime() {
        start(file, new ManualLane()).close();
        clock.move(-3_600_000);
        start(file, new ManualLane()).close();
        clock.move(2_000);
        start(file, new ManualLane()).close();

        LedgerSummary books = summary(file);
        assertThat(books.machineNanos()).containsEntry("offline", 2 * SECOND);
        assertThat(books.balance().balances()).isTrue();
    }

    @Test
    void aClockThatJumpsDuringASessionChangesNothing() throws Exception {
        ManualLane lane = new ManualLane();
        UsageMeter meter = start(file, lane);
        for (long jump : new long[]{7_200_000, -86_400_000, 3_600_000, 123}) {
            clock.move(jump);
            lane.idle(3 * SECOND);
            meter.open(new MeteredRequest("jump" + jump, "tiny", "t", "/"));
            meter.refuse("jump" + jump, "just to write");
            await().atMost(PATIENCE).until(() -> meter.status().unpaidAccounts() == 0);
        }
        meter.close();

        assertThat(summary(file).machineNanos()).containsEntry("idle", 12 * SECOND);
        assertThat(summary(file).balance().balances()).isTrue();
    }

    @Test
    void whatACrashCaughtInProgressIsInterruptedOrUnrecorded() throws Exception {
        ManualLane lane = new ManualLane();
        UsageMeter meter = start(file, lane);
        meter.open(new MeteredRequest("early", "tiny:sql", "tenant", "/v1/completions", "k",
                "search", "sql", "flex", new RequestLabels("s", Map.of("a", "b"))));
        lane.step(4_000_000);
        meter.onStep(step(4_000_000, "early"));
        awaitCheckpoint(meter);
        // known to the next postings only in sum: the checkpoint is over
        lane.step(1_000_003);
        meter.onStep(step(1_000_003, "early"));
        lane.step(500_000); // the device is busy with a step that nobody was told of
        meter.open(new MeteredRequest("refused", "tiny", "tenant", "/v1/completions"));
        meter.refuse("refused", "full");
        await().atMost(PATIENCE).until(() -> meter.status().unpaidAccounts() == 0);
        Path crashed = crashImage("crashed.db");
        meter.close();
        assertThat(summary(crashed).machineNanos()).containsEntry("open", 5_000_003L)
                .containsEntry("in_flight", 500_000L);
        assertThat(summary(crashed).balance().balances()).isTrue();

        clock.move(60_000);
        start(crashed, new ManualLane()).close();

        LedgerSummary books = summary(crashed);
        assertThat(query(crashed, "SELECT finish_reason || ' ' || prefill_nanos || ' ' ||"
                + " cost_nano_usd FROM request WHERE id = 'early'"))
                .isEqualTo("interrupted 4000000 4000");
        assertThat(query(crashed, "SELECT project || adapter || session_id || tags || tier"
                + " FROM request WHERE id = 'early'")).isEqualTo("searchsqls{\"a\":\"b\"}flex");
        // what the checkpoint did not know, the step in flight, and one checkpoint interval
        assertThat(books.machineNanos()).containsEntry("unrecorded",
                1_000_003 + 500_000 + SECOND).containsEntry("offline", 59 * SECOND);
        assertThat(books.balance().differenceNanoUsd()).isZero();
        assertThat(books.balance().balances()).isTrue();
        assertThat(query(crashed, "SELECT count(*) FROM open_request")).isEqualTo("0");
    }

    @Test
    void aSecondServerIsRefused() {
        UsageMeter meter = start(file, new ManualLane());

        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(file))
                .withMessageContaining("in use by another server");
        assertThatExceptionOfType(LedgerException.class)
                .as("the refusal did not break the lock").isThrownBy(() -> UsageLedger.open(file));
        meter.close();
        UsageLedger.open(file).close();
    }

    @Test
    void aFolderThatCannotBeMadeIsNamedWithAdvice() throws Exception {
        Path inTheWay = Files.createFile(file.resolveSibling("in-the-way"));

        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(inTheWay.resolve("ledger.db")))
                .withMessageContaining(inTheWay + " exists already; choose another")
                .withMessageNotContaining("Exception");
    }

    @Test
    void aLedgerFromANewerProgramIsRefused() throws Exception {
        start(file, new ManualLane()).close();
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.executeUpdate("INSERT INTO flyway_schema_history SELECT 99, '99', 'future',"
                    + " type, 'V99__future.sql', 1, installed_by, installed_on, 1, 1"
                    + " FROM flyway_schema_history LIMIT 1");
        }

        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(file)).withMessageContaining("version 99")
                .withMessageContaining("newer");
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> LedgerReader.open(file)).withMessageContaining("version 99");
    }

    @Test
    void aFileThatIsNoLedgerIsRefusedAndKept() throws Exception {
        Files.writeString(file, "This is my shopping list, and longer than a header of SQLite's."
                .repeat(20));

        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(file)).withMessageContaining("ledger.db");
        assertThat(Files.readString(file)).startsWith("This is my shopping list");
    }

    @Test
    void aLedgerWithoutSessionsSumsUpToNothing() {
        UsageLedger.open(file).close();

        assertThat(summary(file).requests()).isZero();
        assertThat(summary(file).balance().balances()).isTrue();
    }

    private UsageMeter start(Path ledger, ManualLane lane) {
        return UsageMeter.start(UsageLedger.open(ledger), RateSchedule.of(RATE),
                StepWeights.DEFAULT, lane,
                EnergySource.NONE, clock, LIMITS);
    }

    private static StepRecord step(long nanos, String request) {
        return new StepRecord(nanos, List.of(new StepShare(request, 5, 0, 0, 15)));
    }

    private void awaitCheckpoint(UsageMeter meter) {
        await().atMost(PATIENCE)
                .until(() -> "1".equals(query(file, "SELECT count(*) FROM open_request")));
    }

    /** The files as a crash would leave them: without the writer's last word. */
    private Path crashImage(String name) throws IOException {
        Path copy = folder.resolve(name);
        Files.copy(file, copy);
        Files.copy(folder.resolve("ledger.db-wal"), folder.resolve(name + "-wal"));
        return copy;
    }

    private static LedgerSummary summary(Path file) {
        try (LedgerReader reader = LedgerReader.open(file)) {
            return reader.summary();
        }
    }

    private static String query(Path file, String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }
}
