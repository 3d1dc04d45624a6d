package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.server.metering.MachineTime.Kind;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.BudgetStore;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.Charge;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.report.TraceRow;
import dev.millrace.server.metering.report.UseGroup;
import dev.millrace.server.metering.report.UseSpan;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.Role;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** What a ledger does, wherever it is. */
@Timeout(300)
abstract class LedgerContract {

    /** A nano-dollar is a microsecond. */
    static final CostModel RATE = CostModel.ofRent(3_600_000_000L, false);

    private static final long START = ManualClock.START_MILLIS;
    private static final long HOUR = 3_600_000;

    LedgerAddress ledger;

    /** A place without a ledger. */
    abstract LedgerAddress fresh() throws Exception;

    /** What makes every insert into a table fail as on a full disk. */
    abstract List<String> fillDisk(String table);

    abstract String freeDisk(String table);

    @BeforeEach
    void choose() throws Exception {
        ledger = fresh();
    }

    @Test
    void theWorkedExampleIsTheSameEverywhere() throws Exception {
        try (LedgerFixture books = new LedgerFixture(ledger, false)) {
            books.serve(new MeteredRequest("b", "tiny", "tenant", "/v1/completions", null, "search",
                    null, "default", new RequestLabels("talk", Map.of("feature", "chat"))));
            books.serve("a", "tiny");
        }
        LedgerSummary summary = summary();

        assertThat(summary.requests()).isEqualTo(2);
        assertThat(summary.balance().linesNanoUsd()).containsEntry("requests", 2_400_000L)
                .containsEntry("idle", 1_600_000L);
        assertThat(summary.balance().balances()).isTrue();
        assertThat(summary.nanoUsdPerHour()).isEqualTo(3_600_000_000L);
        assertThat(summary.models()).singleElement().satisfies(use -> {
            assertThat(use.inputUsdPerMillion()).isCloseTo(2.0, within(1e-9));
            assertThat(use.outputUsdPerMillion()).isCloseTo(20.0, within(1e-9));
        });
        List<TraceRow> rows = new ArrayList<>();
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            reader.forEachRequest(rows::add);
            assertThat(reader.ratePeriods()).singleElement()
                    .matches(period -> period.laneNanos() == 4_000_000_000L);
        }
        assertThat(rows).extracting(TraceRow::id).containsExactlyInAnyOrder("a", "b");
        assertThat(rows).filteredOn(row -> row.id().equals("b")).singleElement()
                .satisfies(row -> {
                    assertThat(row.labels().tags()).containsEntry("feature", "chat");
                    assertThat(row.labels().session()).isEqualTo("talk");
                    assertThat(row.project()).isEqualTo("search");
                    assertThat(row.microjoules()).isEqualTo(-1);
                    assertThat(row.prefillNanos()).isEqualTo(200_000_000);
                });
    }

    @Test
    void budgetsKnowWhatTheLedgerSaysWasSpent() throws Exception {
        String key;
        try (KeyStore keys = KeyStore.open(ledger)) {
            key = keys.create(new ApiKey("", "ci", "research", Role.TENANT, 0, 0, Set.of(), 0, 0))
                    .key().id();
        }
        try (LedgerFixture books = new LedgerFixture(ledger, false)) {
            books.serve("a", "tiny");
            books.serve(new MeteredRequest("b", "tiny", "research", "/v1/completions", key,
                    "search", null, "default", RequestLabels.NONE));
        }
        try (BudgetStore store = BudgetStore.open(ledger)) {
            store.set(budget(BudgetScope.SERVER, "", 9_000_000));
            store.set(budget(BudgetScope.TEAM, "research", 1));
            store.set(budget(BudgetScope.TEAM, "research", 3_000_000));
            store.set(budget(BudgetScope.PROJECT, "search", 1_200_000));
            store.set(budget(BudgetScope.KEY, "ci", 1_200_001));
            store.set(budget(BudgetScope.KEY, "nobody", 5));
            assertThat(store.remove(budget(BudgetScope.KEY, "nobody", 5).id())).isTrue();
        }
        try (Budgets budgets = Budgets.open(ledger, Clock.systemUTC(), BudgetEvents.NOBODY)) {
            assertThat(budgets.statuses()).extracting(BudgetStatus::spentNanoUsd)
                    .containsExactlyInAnyOrder(2_400_000L, 1_200_000L, 1_200_000L, 1_200_000L);
            assertThat(budgets.statuses()).extracting(status -> status.leftNanoUsd().getAsLong())
                    .containsExactlyInAnyOrder(6_600_000L, 1_800_000L, 0L, 1L);
            assertThat(budgets.statuses()).allMatch(
                    status -> status.burnNanoUsdPerHour() * 24 == status.spentNanoUsd());
        }
    }

    private static Budget budget(BudgetScope scope, String name, long nanoUsd) {
        return new Budget(scope, name, BudgetPeriod.MONTH, OptionalLong.of(nanoUsd),
                OptionalLong.empty(), ZoneOffset.UTC);
    }

    @Test
    void aMessyDayBalancesAndAMissingRowShows() throws Exception {
        int receipts;
        try (ScriptedServer server = new ScriptedServer(ledger, UnaryOperator.identity())) {
            receipts = server.serve(17, 8, 8).size();
        }
        assertThat(summary().balance().differenceNanoUsd()).isZero();
        assertThat(summary().requests()).isEqualTo(receipts);
        assertThat(audit()).isEmpty();

        execute("UPDATE machine_time SET nanos = nanos, cost_nano_usd = cost_nano_usd + 1"
                + " WHERE kind = 'idle' AND window_ms = (SELECT max(window_ms) FROM machine_time"
                + " WHERE kind = 'idle')");
        assertThat(summary().balance().balances()).isFalse();
    }

    @Test
    void whatACrashCaughtIsInterruptedOrUnrecorded() throws Exception {
        UsageLedger crashing = UsageLedger.open(ledger);
        crashing.begin(START, START, RATE, 1_000);
        crashing.append(posting(START + 20, 9_000_000, List.of(),
                List.of(new OpenRow(request("early"), 5, 0, 4_000_000, 0, -1,
                        RATE.charge(4_000_000), -1, START)),
                List.of(time(Kind.OPEN, 5_000_003), time(Kind.IN_FLIGHT, 500_000),
                        time(Kind.IDLE, 3_499_997)),
                false));
        crashing.close();
        assertThat(summary().balance().balances()).isTrue();

        UsageLedger next = UsageLedger.open(ledger);
        next.begin(START + 60_020, START + 60_020, RATE, 1_000);
        next.close();

        LedgerSummary books = summary();
        assertThat(books.balance().differenceNanoUsd()).isZero();
        assertThat(books.machineNanos()).containsEntry("unrecorded", 1_001_500_003L)
                .containsEntry("offline", 59_000_000_000L).containsEntry("requests", 4_000_000L);
        assertThat(query("SELECT finish_reason FROM request")).isEqualTo("interrupted");
        assertThat(query("SELECT count(*) FROM open_request")).isEqualTo("0");
    }

    @Test
    void aPostingThatWasWrittenBeforeChangesNothing() throws Exception {
        try (UsageLedger writer = begun()) {
            Posting posting = posting(START + 10, 10_000_000, List.of(row("a", 4_000_000)),
                    List.of(), List.of(time(Kind.IDLE, 6_000_000)), false);
            writer.append(posting);
            writer.append(posting);

            assertThat(summary().requests()).isEqualTo(1);
            assertThat(summary().balance().balances()).isTrue();
        }
    }

    @Test
    void anIdOfAnotherRequestIsRefusedWithAllOfItsPosting() throws Exception {
        try (UsageLedger writer = begun()) {
            writer.append(posting(START + 10, 10_000_000, List.of(row("a", 4_000_000)), List.of(),
                    List.of(time(Kind.IDLE, 6_000_000)), false));

            assertThatExceptionOfType(DuplicateRequestException.class).isThrownBy(
                    () -> writer.append(posting(START + 20, 20_000_000,
                            List.of(row("fresh", 1_000_000), row("a", 9_000_000)), List.of(),
                            List.of(), false)));
            assertThat(query("SELECT count(*) FROM request")).isEqualTo("1");
            assertThat(summary().balance().balances()).isTrue();
        }
    }

    @Test
    void aRateChangesInTheMiddle() throws Exception {
        CostModel dearer = CostModel.ofRent(7_200_000_000L, false);
        try (UsageLedger writer = begun()) {
            EpochBooks books = new EpochBooks(RATE, new EnergyBooks(EnergySource.NONE), START);
            AccountBook.Snapshot nothing = new AccountBook(StepWeights.DEFAULT).snapshot(9);
            EpochBooks.Turn turn = books.turn(nothing, new LaneReading(7_000_000, 0, 0, 7_000_000),
                    dearer, START + 7);
            writer.turn(turn);
            writer.append(turn.next().draft(nothing, new LaneReading(9_000_000, 0, 0, 9_000_000),
                    START + 9, true, true));
        }
        assertThat(summary().balance().balances()).isTrue();
        assertThat(summary().balance().billNanoUsd()).isEqualTo(7_000 + 2 * 2_000);
        assertThat(summary().nanoUsdPerHour()).isEqualTo(7_200_000_000L);
    }

    @Test
    void aFullDiskStopsThePostingAndLosesNothing() throws Exception {
        try (UsageLedger writer = begun()) {
            Posting posting = posting(START + 10, 10_000_000, List.of(row("a", 4_000_000)),
                    List.of(), List.of(time(Kind.IDLE, 6_000_000)), false);
            for (String sql : fillDisk("request")) {
                execute(sql);
            }
            assertThatExceptionOfType(LedgerException.class)
                    .isThrownBy(() -> writer.append(posting)).withMessageContaining("disk");
            assertThat(summary().balance().balances()).isTrue();
            assertThat(summary().machineNanos()).doesNotContainKey("idle");

            execute(freeDisk("request"));
            writer.append(posting);
            assertThat(summary().requests()).isEqualTo(1);
            assertThat(summary().balance().balances()).isTrue();
        }
    }

    @Test
    void sumsFollowTheRowsAndSurviveThem() throws Exception {
        Map<String, long[]> before;
        try (UsageLedger writer = begun()) {
            List<RequestRow> rows = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                rows.add(labelled("r" + i, i % 3, START + i * 20 * 60_000L));
            }
            writer.append(posting(START + 10, 30_000_000, rows, List.of(), List.of(), false));
            assertThat(audit()).isEmpty();
            before = sums(UseSpan.HOUR);
            LedgerSummary summary = summary();
            assertThat(summary.balance().balances()).isTrue();
            assertThat(sums(UseSpan.DAY)).hasSizeLessThan(before.size());

            // the clock says that all but the last hours are old, in two parts
            long now = START + 30 * 20 * 60_000L;
            int dropped = writer.drop(now - 5 * HOUR, now);
            assertThat(dropped).isBetween(12, 18);
            assertThat(writer.drop(now - 5 * HOUR, now)).isZero();
            assertThat(query("SELECT count(*) FROM request")).isEqualTo("" + (30 - dropped));
            assertThat(audit()).isEmpty();
            assertThat(summary()).usingRecursiveComparison().isEqualTo(summary);
        }
        Map<String, long[]> after = new TreeMap<>();
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            reader.forEachRequest(row -> add(after, row));
            List<TraceRow> old = new ArrayList<>();
            reader.forEachRequest(old::add);
            assertThat(old.getFirst().requests()).isPositive();
            assertThat(old.getFirst().labels().tags()).containsKey("feature");
            List<TraceRow> latest = new ArrayList<>();
            reader.forLatest(START, 2, latest::add);
            assertThat(latest).extracting(TraceRow::id).containsExactly("r29", "r28");
        }
        assertThat(after).usingRecursiveComparison().isEqualTo(before);
    }

    @Test
    void whatTheDashboardReadsAddsUpToTheRows() throws Exception {
        try (UsageLedger writer = begun()) {
            List<RequestRow> rows = new ArrayList<>();
            for (int i = 0; i < 80; i++) {
                rows.add(labelled("r" + i, i % 3, START + i * 47 * 60_000L)); // two and a half days
            }
            writer.append(posting(START + 10, 80_000_000, rows, List.of(), List.of(), false));
        }
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            for (UseSpan span : UseSpan.values()) {
                for (int step = 0; step < 5; step++) {
                    long fromMillis = span.from(START + step * (9 * HOUR + 7 * 60_000));
                    UseGroup rows = new UseGroup();
                    Map<Long, Long> requests = new TreeMap<>();
                    reader.forLatest(fromMillis, 100, row -> {
                        rows.add(row);
                        requests.merge(span.from(row.finishedMillis()), 1L, Long::sum);
                    });
                    UseGroup kinds = new UseGroup();
                    UseGroup bars = new UseGroup();
                    reader.forEachKind(span, fromMillis, kinds::add);
                    reader.forEachBar(span, fromMillis, row -> {
                        bars.add(row);
                        requests.merge(row.finishedMillis(), -row.requests(), Long::sum);
                    });
                    assertThat(kinds).usingRecursiveComparison().isEqualTo(rows);
                    assertThat(bars).usingRecursiveComparison().isEqualTo(rows);
                    assertThat(requests.values()).containsOnly(0L);
                }
            }
        }
    }

    @Test
    void rowsThatAreKnownAndNewOnesMayComeTogether() throws Exception {
        try (UsageLedger writer = begun()) {
            RequestRow known = row("a", 4_000_000);
            writer.append(posting(START, 4_000_000, List.of(known), List.of(), List.of(), false));
            writer.append(posting(START + 20, 10_000_000, List.of(row("b", 1_000_000), known,
                    row("c", 5_000_000)), List.of(), List.of(), false));
            assertThat(summary().requests()).isEqualTo(3);
            assertThat(audit()).isEmpty();

            Posting twice = posting(START + 30, 13_000_000, List.of(row("d", 1_000_000),
                    row("d", 2_000_000)), List.of(), List.of(), false);
            assertThatExceptionOfType(DuplicateRequestException.class)
                    .isThrownBy(() -> writer.append(twice));
            assertThat(summary().requests()).isEqualTo(3);
            assertThat(summary().balance().balances()).isTrue();
        }
    }

    @Test
    void aRowThatComesAfterItsHourWasDroppedCountsAllTheSame() throws Exception {
        try (UsageLedger writer = begun()) {
            writer.append(posting(START + 10, 2_000_000, List.of(labelled("a", 1, START),
                    labelled("b", 1, START + 1)), List.of(), List.of(), false));
            assertThat(writer.drop(START + 2 * HOUR, START + 9 * HOUR)).isEqualTo(2);
            // the clock went back
            writer.append(posting(START + 10, 3_000_000, List.of(labelled("c", 1, START)),
                    List.of(), List.of(), false));
            assertThat(audit()).isEmpty();
            assertThat(writer.drop(START + 2 * HOUR, START + 9 * HOUR)).isEqualTo(1);
            assertThat(audit()).isEmpty();
            assertThat(summary().requests()).isEqualTo(3);
            assertThat(summary().balance().balances()).isTrue();
        }
    }

    @Test
    void rowsAreNeverChangedAndOnlyOldOnesGo() throws Exception {
        try (UsageLedger writer = begun()) {
            writer.append(posting(START + 10, 1_000_000, List.of(labelled("a", 1, START)),
                    List.of(), List.of(), false));
        }
        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> execute("UPDATE request SET cost_nano_usd = 0"))
                .withMessageContaining("never changed");
        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> execute("DELETE FROM request"))
                .withMessageContaining("are kept");
        execute("UPDATE request_sum SET requests = requests + 1 WHERE span IN ('hour', 'day')");
        assertThat(audit()).hasValueSatisfying(where -> assertThat(where)
                .contains("2026-11-21T10:00:00Z", "differ by -1 requests"));
    }

    private static RequestRow labelled(String id, int kind, long finishedMillis) {
        Charge charge = RATE.charge(1_000_000);
        return new RequestRow(new MeteredRequest(id, "m" + kind, "t", "/v1/completions",
                kind == 0 ? null : "key" + kind, null, null, "default",
                new RequestLabels(null, Map.of("feature", "f" + kind))), 50, 20, 7, 30, 600_000,
                400_000, kind == 2 ? 5 : -1, charge, charge.nanoUsd(), 0, false, false, "stop",
                null,
                finishedMillis - 5, finishedMillis);
    }

    private Map<String, long[]> sums(UseSpan span) {
        Map<String, long[]> sums = new TreeMap<>();
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            reader.forEachSum(span, 0, row -> add(sums, row));
        }
        return sums;
    }

    private static void add(Map<String, long[]> sums, TraceRow row) {
        long[] sum = sums.computeIfAbsent(UseSpan.HOUR.from(row.finishedMillis()) + row.model()
                + row.keyId(), key -> new long[5]);
        sum[0] += row.requests();
        sum[1] += row.promptTokens();
        sum[2] += row.costNanoUsd();
        sum[3] += row.microjoules();
        sum[4] += row.prefillNanos();
        if (row.requests() > 1 && row.microjoules() < 0) {
            sum[3] -= row.requests() - 1; // -1 for each
        }
    }

    private Optional<String> audit() {
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            return reader.audit();
        }
    }

    @Test
    void oneServerAtATimeWrites() throws Exception {
        UsageLedger first = UsageLedger.open(ledger);
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(ledger))
                .withMessageContaining("in use by another server");
        first.close();
        UsageLedger.open(ledger).close();
    }

    @Test
    void aLedgerFromANewerProgramIsRefused() throws Exception {
        UsageLedger.open(ledger).close();
        execute("INSERT INTO flyway_schema_history SELECT 99, '99', 'future', type,"
                + " 'V99__future.sql', 1, installed_by, installed_on, 1, success"
                + " FROM flyway_schema_history WHERE installed_rank = 1");

        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> UsageLedger.open(ledger)).withMessageContaining("version 99")
                .withMessageContaining("newer");
        assertThatExceptionOfType(LedgerException.class)
                .isThrownBy(() -> LedgerReader.open(ledger)).withMessageContaining("version 99");
    }

    @Test
    void aLedgerWithoutSessionsSumsUpToNothing() {
        UsageLedger.open(ledger).close();

        assertThat(summary().requests()).isZero();
        assertThat(summary().balance().balances()).isTrue();
    }

    @Test
    void keysAreKeptBesideIt() {
        try (KeyStore store = KeyStore.open(ledger); KeyStore other = KeyStore.open(ledger)) {
            ApiKey made = store.create(new ApiKey("", "ci", "research", Optional.of("search"),
                    Role.TENANT, 60, 0, Set.of("tiny"), 0, 0)).key();
            assertThat(other.list()).containsExactly(made);
            assertThatIllegalArgumentException().isThrownBy(() -> other.create(made))
                    .withMessageContaining("there is a key called ci");
            assertThat(other.revoke("ci").id()).isEqualTo(made.id());
            assertThat(store.list()).singleElement().matches(ApiKey::revoked);
        }
    }

    UsageLedger begun() {
        UsageLedger writer = UsageLedger.open(ledger);
        writer.begin(START, START, RATE, 1_000);
        return writer;
    }

    static Posting posting(long heartbeatMillis, long laneNanos, List<RequestRow> requests,
            List<OpenRow> open, List<MachineTime> times, boolean last) {
        return new Posting(heartbeatMillis, laneNanos,
                Math.floorDiv(heartbeatMillis, EpochBooks.WINDOW_MILLIS)
                        * EpochBooks.WINDOW_MILLIS,
                requests, open, times, List.of(), last);
    }

    static MachineTime time(Kind kind, long nanos) {
        return new MachineTime(kind, nanos, -1, RATE.charge(nanos));
    }

    static MeteredRequest request(String id) {
        return new MeteredRequest(id, "tiny", "tenant", "/v1/completions");
    }

    /** Whole microseconds, so that nothing is left to round. */
    static RequestRow row(String id, long decodeNanos) {
        Charge charge = RATE.charge(decodeNanos);
        return new RequestRow(request(id), 5, 0, 7, 5, 0, decodeNanos, -1, charge,
                charge.nanoUsd(), 0, false, false, "stop", null, START, START + 10);
    }

    LedgerSummary summary() {
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            return reader.summary();
        }
    }

    String query(String sql) throws SQLException {
        try (Connection connection = LedgerDatabase.open(ledger);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }

    void execute(String sql) throws SQLException {
        try (Connection connection = LedgerDatabase.open(ledger);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
