package dev.millrace.server.metering;

import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.LaneReading;
import dev.millrace.engine.StepObserver;
import dev.millrace.engine.StepRecord;
import dev.millrace.server.metering.database.LedgerAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class BooksBalanceTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 1", "3, 1", "4, 2", "5, 3"})
    void everyNanosecondOfAMessyDayIsChargedExactlyOnce(long seed, int replicas)
            throws Exception {
        Path file = folder.resolve("ledger.db");
        ScriptedServer server = new ScriptedServer(LedgerAddress.ofFile(file),
                UnaryOperator.identity(), Clock.systemUTC(), replicas);
        List<Receipt> receipts = server.serveUntilPreempted(seed, 12, 15);
        server.close();
        LaneReading lane = server.lanes.reading();
        LedgerSummary books = summary(file);

        assertThat(books.balance().differenceNanoUsd()).isZero();
        assertThat(books.balance().balances()).isTrue();
        assertThat(books.balance().billNanoUsd()).isPositive();
        assertThat(books.requests()).isGreaterThanOrEqualTo(12 * 15).isEqualTo(receipts.size());
        assertThat(receipts.stream().mapToLong(Receipt::costNanoUsd).sum())
                .isEqualTo(books.balance().linesNanoUsd().get(LedgerBalance.REQUESTS));
        // straight from the lanes, past the ledger
        assertThat(lane.lanes()).hasSize(replicas == 1 ? 0 : replicas)
                .allMatch(each -> each.stepNanos() > 0);
        assertThat(books.machineNanos().get("requests") + books.machineNanos().get("recompute"))
                .isEqualTo(lane.stepNanos());
        assertThat(books.machineNanos()).containsEntry("overhead", lane.overheadNanos())
                .containsEntry("in_flight", 0L).containsEntry("open", 0L)
                .doesNotContainKey("unrecorded");
        assertThat(books.machineNanos().get("recompute")).isPositive();
        assertThat(reasons(file)).contains("cancelled", "failed", "length", "refused");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void theBooksBalanceAtEveryMomentInBetween(int replicas) throws Exception {
        Path file = folder.resolve("ledger.db");
        try (ScriptedServer server = new ScriptedServer(LedgerAddress.ofFile(file),
                UnaryOperator.identity(), Clock.systemUTC(), replicas);
                LedgerReader reader = LedgerReader.open(file)) {
            CompletableFuture<List<Receipt>> work = CompletableFuture.supplyAsync(() -> {
                try {
                    return server.serve(4, 12, 12);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            int looks = 0;
            while (!work.isDone() || looks < 20) {
                assertThat(reader.summary().balance().differenceNanoUsd()).isZero();
                looks++;
            }
            assertThat(work.join()).hasSize(144);
        }
    }

    /**
     * Sessions whose wall clock jumps by up to 40 days, back and forth, all the time, and with it
     * the rate; the third begins a year before the second has ended. Only between sessions does the
     * wall clock count, and there a gap is never negative.
     */
    @ParameterizedTest
    @ValueSource(longs = {11, 12})
    void aWallClockThatJumpsMovesNoMoney(long seed) throws Exception {
        LedgerAddress ledger = LedgerAddress.ofFile(folder.resolve("ledger.db"));
        JumpingClock clock = new JumpingClock(seed);
        long stepNanos = 0;
        int receipts = 0;
        for (int session = 0; session < 3; session++) {
            clock.set(ManualClock.START_MILLIS + (session - 2L * (session / 2))
                    * TimeUnit.DAYS.toMillis(365));
            ScriptedServer server = new ScriptedServer(ledger, UnaryOperator.identity(), clock);
            receipts += server.serve(seed * 10 + session, 6, 6).size();
            server.close();
            stepNanos += server.lanes.reading().stepNanos();
        }
        LedgerSummary books = summary(folder.resolve("ledger.db"));

        assertThat(books.balance().differenceNanoUsd()).isZero();
        assertThat(books.requests()).isEqualTo(receipts).isEqualTo(3 * 6 * 6);
        assertThat(books.machineNanos().get("requests")
                + books.machineNanos().getOrDefault("recompute", 0L)).isEqualTo(stepNanos);
        assertThat(TimeUnit.NANOSECONDS.toDays(books.machineNanos().get("offline")))
                .as("a year, and what the clock jumped, but nothing for the year back")
                .isBetween(365L - 81, 365L + 81);
        assertThat(audit(folder.resolve("ledger.db"))).isEmpty();
    }

    @Test
    void anyMissingRowShows() throws Exception {
        Path file = folder.resolve("ledger.db");
        try (ScriptedServer server = new ScriptedServer(file, UnaryOperator.identity())) {
            server.serveUntilPreempted(5, 12, 6);
        }
        try (ScriptedServer second = new ScriptedServer(file, UnaryOperator.identity())) {
            second.serve(99, 1, 1);
        }
        assertThat(summary(file).balance().balances()).isTrue();

        for (String row : List.of(
                "request WHERE id = (SELECT id FROM request WHERE cost_nano_usd > 0 LIMIT 1)",
                "machine_time WHERE kind = 'idle'", "machine_time WHERE kind = 'overhead'",
                "machine_time WHERE kind = 'recompute'", "machine_time WHERE kind = 'offline'",
                "machine_time WHERE kind = 'rounding'")) {
            Path tampered = folder.resolve("tampered.db");
            Files.deleteIfExists(tampered);
            execute(file, "VACUUM INTO '" + tampered + "'");
            execute(tampered, "DROP TRIGGER request_is_kept");
            assertThat(execute(tampered, "DELETE FROM " + row)).as(row).isPositive();

            assertThat(summary(tampered).balance().balances() && audit(tampered).isEmpty())
                    .as("without " + row).isFalse();
            if (!row.startsWith("request")) {
                assertThat(summary(tampered).balance().differenceNanoUsd()).as(row).isNegative();
            }
        }
    }

    @Test
    void aStepThatTheEngineKeepsToItselfShows() throws Exception {
        Path file = folder.resolve("ledger.db");
        UnaryOperator<StepObserver> forgetful = meter -> new StepObserver() {
            private int steps;

            @Override
            public void onStep(StepRecord step) {
                if (++steps != 7) {
                    meter.onStep(step);
                }
            }

            @Override
            public void onFinished(FinishedRequest request) {
                meter.onFinished(request);
            }
        };
        try (ScriptedServer server = new ScriptedServer(file, forgetful)) {
            server.serve(7, 4, 4);
        }

        assertThat(summary(file).balance().balances()).isFalse();
    }

    private static LedgerSummary summary(Path file) {
        try (LedgerReader reader = LedgerReader.open(file)) {
            return reader.summary();
        }
    }

    private static Optional<String> audit(Path file) {
        try (LedgerReader reader = LedgerReader.open(file)) {
            return reader.audit();
        }
    }

    private static String reasons(Path file) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery(
                        "SELECT group_concat(DISTINCT finish_reason) FROM request")) {
            return rows.getString(1);
        }
    }

    private static int execute(Path file, String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            return statement.executeUpdate(sql);
        }
    }
}
