package dev.millrace.server.metering;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.budget.Hold;
import dev.millrace.server.metering.budget.Payer;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;
import static org.awaitility.Awaitility.await;

/** Requests whose money is counted, at a nano-dollar per microsecond. */
@Timeout(120)
class BudgetedMeterTest {

    private static final CostModel RATE = CostModel.ofRent(3_600_000_000L, false);
    private static final MeterLimits LIMITS = new MeterLimits(10, 10, Duration.ofMillis(20),
            Duration.ofSeconds(9), Duration.ofSeconds(9));
    private static final Payer PAYER = new Payer("research", null, null);
    private static final long MICRO = 1_000;

    @TempDir
    Path folder;

    private final ManualClock clock = new ManualClock();
    private final ManualLane lane = new ManualLane();
    private final AtomicInteger ends = new AtomicInteger();
    private Budgets budgets;
    private UsageMeter meter;

    private void start(String file, InternalPrices prices) {
        Path ledger = folder.resolve(file);
        meter = UsageMeter.start(UsageLedger.open(ledger), RateSchedule.of(RATE),
                Counterfactual.NONE, prices, StepWeights.DEFAULT, lane, EnergySource.NONE, clock,
                LIMITS);
        budgets = Budgets.open(LedgerAddress.ofFile(ledger), clock, BudgetEvents.NOBODY);
    }

    @AfterEach
    void close() {
        meter.close();
        budgets.close();
    }

    private Budget budget(long nanoUsd) {
        return new Budget(BudgetScope.TEAM, "research", BudgetPeriod.DAY,
                OptionalLong.of(nanoUsd), OptionalLong.empty(), ZoneOffset.UTC);
    }

    private Hold open(String id, String tier, long nanoUsd) {
        return open(id, "/v1/completions", tier, nanoUsd);
    }

    private Hold open(String id, String endpoint, String tier, long nanoUsd) {
        Hold hold = budgets.reserve(PAYER, List.of(new Budgets.Wanted(id, nanoUsd))).getFirst();
        meter.open(new MeteredRequest(id, "tiny", "research", endpoint, null, null, null, tier,
                RequestLabels.NONE), hold);
        hold.use();
        hold.endsBy(ends::incrementAndGet);
        return hold;
    }

    private void step(String id, long micros, boolean prompt) {
        lane.step(micros * MICRO);
        meter.onStep(new StepRecord(micros * MICRO, List.of(new StepShare(id, prompt ? 10 : 0, 0,
                prompt ? 0 : 1, 50))));
    }

    private void finish(String id) throws Exception {
        meter.onFinished(new FinishedRequest(id, FinishReason.LENGTH, new TokenUsage(10, 0, 5),
                new RequestTimings(0, 0, 0)));
        await().until(() -> query("ledger.db", "SELECT count(*) FROM request WHERE id = '" + id
                + "'").equals("1") && meter.status().unpaidAccounts() == 0);
    }

    private BudgetStatus status() {
        return budgets.statuses().getFirst();
    }

    @Test
    void aRequestAsksForMoreInTimeAndEndsWhenThereIsNoMore() throws Exception {
        start("ledger.db", InternalPrices.AT_COST);
        budgets.set(budget(1_000));
        Hold hold = open("a", "default", 300);

        step("a", 200, true);
        assertThat(hold.nanoUsd()).as("another such step would not fit").isGreaterThan(300);
        while (ends.get() == 0) {
            step("a", 100, false);
        }

        assertThat(hold.isExhausted()).isTrue();
        assertThat(hold.nanoUsd()).isLessThanOrEqualTo(1_000);
        finish("a");
        assertThat(ends).hasValue(1);
        assertThat(status().spentNanoUsd()).as("ended one step early").isEqualTo(1_000);
        assertThat(status().setAsideNanoUsd()).isZero();
        assertThat(row("a")).isEqualTo("1000 1000 0");
    }

    @Test
    void whatAStepTakesBeyondWhatWasSetAsideIsNobodysCharge() throws Exception {
        start("ledger.db", InternalPrices.AT_COST);
        budgets.set(budget(1_000));
        open("a", "default", 900);

        step("a", 100, false);
        step("a", 5_000, false); // the machine was busy with something else

        assertThat(ends).hasValue(1);
        finish("a");
        assertThat(row("a")).isEqualTo("5100 900 4200");
        assertThat(status().spentNanoUsd()).isEqualTo(900);
        assertThat(meter.status().overrunNanoUsd()).isEqualTo(4_200);
        meter.close();
        try (LedgerReader reader = LedgerReader.open(folder.resolve("ledger.db"))) {
            assertThat(reader.summary().balance().balances()).isTrue();
        }
        start("ledger.db", InternalPrices.AT_COST);
    }

    @Test
    void tiersHaveInternalPricesAndTheBooksBalanceAllTheSame() throws Exception {
        start("ledger.db", new InternalPrices(500_000, 1_000_000, 2_000_000, 250_000));
        budgets.set(budget(10_000));
        for (String tier : List.of("flex", "default", "priority")) {
            open(tier, tier, 3_000);
            step(tier, 1_001, false);
            finish(tier);
        }
        open("row", MeteredRequest.BATCHES, "flex", 3_000);
        step("row", 1_001, false);
        finish("row");
        assertThat(row("row")).as("a batch's, whatever its tier").isEqualTo("1001 250 0");
        assertThat(row("flex")).isEqualTo("1001 500 0");
        assertThat(row("default")).isEqualTo("1001 1001 0");
        assertThat(row("priority")).isEqualTo("1001 2002 0");
        assertThat(status().spentNanoUsd()).isEqualTo(3_753);
        meter.close();
        try (LedgerReader reader = LedgerReader.open(folder.resolve("ledger.db"))) {
            assertThat(reader.summary().balance().balances()).isTrue();
        }
        start("ledger.db", InternalPrices.AT_COST);
    }

    @Test
    void aPriorityRequestUsesUpItsMoneyInHalfTheTime() throws Exception {
        start("ledger.db", new InternalPrices(500_000, 1_000_000, 2_000_000, 250_000));
        budgets.set(budget(1_000));
        open("a", "priority", 1_000);
        int steps = 0;
        while (ends.get() == 0) {
            step("a", 10, false);
            steps++;
        }
        assertThat(steps).isEqualTo(50);
        finish("a");
        assertThat(row("a")).isEqualTo("500 1000 0");
    }

    @Test
    void theNextStartKnowsWhatTheLastOneHasSpent() throws Exception {
        start("ledger.db", InternalPrices.AT_COST);
        budgets.set(budget(10_000));
        open("a", "default", 3_000);
        step("a", 1_000, false);
        finish("a");
        open("b", "default", 5_000);
        step("b", 700, false);
        await().until(() -> query("ledger.db", "SELECT count(*) FROM open_request WHERE"
                + " cost_nano_usd = 700").equals("1"));
        // what a kill leaves: files without the writer's last word
        Files.copy(folder.resolve("ledger.db"), folder.resolve("killed.db"));
        Files.copy(folder.resolve("ledger.db-wal"), folder.resolve("killed.db-wal"));
        close();

        start("killed.db", InternalPrices.AT_COST);

        assertThat(status().spentNanoUsd()).isEqualTo(1_700);
        assertThat(status().setAsideNanoUsd()).as("nothing runs").isZero();
        assertThat(status().burnNanoUsdPerHour()).isEqualTo(1_700);
        assertThat(meter.tokenTimes().nanos("tiny", 0, 5)).as("learnt from the ledger")
                .isPositive().isLessThan(TimeUnit.MILLISECONDS.toNanos(100));
    }

    /** Cost, charge and overrun. */
    private String row(String id) throws Exception {
        return query("ledger.db", "SELECT cost_nano_usd || ' ' || coalesce(charged_nano_usd,"
                + " cost_nano_usd) || ' ' || overrun_nano_usd FROM request WHERE id = '" + id
                + "'");
    }

    private String query(String file, String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:"
                + folder.resolve(file));
                Statement statement = connection.createStatement();
                var rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : null;
        }
    }
}
