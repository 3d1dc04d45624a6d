package dev.millrace.server.metering;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.TokenUsage;
import dev.millrace.server.fixtures.DoomedProcess;
import dev.millrace.server.metering.attribution.StepWeights;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetException;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.budget.Hold;
import dev.millrace.server.metering.budget.Payer;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.rate.RateSchedule;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.List;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** Kills a process in the middle of spending a budget, for real. */
@Tag("proof")
@Timeout(300)
class KilledBudgetsTest {

    private static final CostModel RATE = CostModel.ofRent(3_600_000_000L, false);
    private static final MeterLimits LIMITS = new MeterLimits(100, 10, Duration.ofMillis(20),
            Duration.ofSeconds(60), Duration.ofSeconds(60));
    private static final Payer PAYER = new Payer("research", null, null);
    private static final long HARD_NANO_USD = 1_000_000_000_000L;
    private static final int IN_PROGRESS = 5;

    @TempDir
    Path folder;

    private static UsageMeter meter(Path folder, ManualLane lane) {
        return UsageMeter.start(UsageLedger.open(folder.resolve("ledger.db")),
                RateSchedule.of(RATE), StepWeights.DEFAULT, lane, EnergySource.NONE,
                new ManualClock(), LIMITS);
    }

    private static Budgets budgets(Path folder) {
        return Budgets.open(LedgerAddress.ofFile(folder.resolve("ledger.db")), new ManualClock(),
                BudgetEvents.NOBODY);
    }

    /** Requests whose ids say what is set aside for them, some of which need more than that. */
    static final class Spender {

        private Spender() {}

        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[0]);
            ManualLane lane = new ManualLane();
            UsageMeter meter = meter(folder, lane);
            Budgets budgets = budgets(folder);
            Random random = new Random(Long.parseLong(arguments[1]));
            Queue<String> running = new ArrayDeque<>();
            for (int i = 0;; i++) {
                long nanoUsd = 100 + random.nextInt(900);
                String id = arguments[1] + "-" + i + "-" + nanoUsd;
                Hold hold = budgets.reserve(PAYER, List.of(new Budgets.Wanted(id, nanoUsd)))
                        .getFirst();
                meter.open(new MeteredRequest(id, "tiny", "research", "/v1/completions"), hold);
                hold.use();
                running.add(id);
                for (String one : running) {
                    long nanos = random.nextInt(200) * 1_000L;
                    lane.step(nanos);
                    meter.onStep(new StepRecord(nanos, List.of(new StepShare(one, 0, 0, 1, 9))));
                }
                while (running.size() > IN_PROGRESS) {
                    meter.onFinished(new FinishedRequest(running.remove(), FinishReason.STOP,
                            new TokenUsage(9, 0, IN_PROGRESS), new RequestTimings(0, 0, 0)));
                }
                while (meter.status().unpaidAccounts() > IN_PROGRESS) {
                    Thread.onSpinWait();
                }
                if (i == 100) {
                    DoomedProcess.working(folder);
                }
            }
        }
    }

    @Test
    void whatWasSetAsideIsFreeAgainAndNoMoreIsSpentThanTheRowsSay() throws Exception {
        UsageLedger.open(folder.resolve("ledger.db")).close();
        try (Budgets made = budgets(folder)) {
            made.set(new Budget(BudgetScope.TEAM, "research", BudgetPeriod.DAY,
                    OptionalLong.of(HARD_NANO_USD), OptionalLong.empty(), ZoneOffset.UTC));
        }
        long before = 0;
        for (int round = 0; round < 2; round++) {
            try (DoomedProcess spender = DoomedProcess.start(Spender.class, folder,
                    Integer.toString(round))) {
                spender.awaitWork();
                TimeUnit.MILLISECONDS.sleep(31 * round);
            }
            meter(folder, new ManualLane()).close(); // settles what the kill left
            try (Budgets budgets = budgets(folder);
                    LedgerReader reader = LedgerReader.open(
                            folder.resolve("ledger.db"))) {
                BudgetStatus status = budgets.statuses().getFirst();
                long[] charged = {0};
                reader.forEachRequest(row -> charged[0] += row.chargedNanoUsd());
                assertThat(status.setAsideNanoUsd()).isZero();
                assertThat(status.spentNanoUsd()).isEqualTo(charged[0]).isGreaterThan(before);
                assertThat(reader.summary().balance().balances()).isTrue();
                assertThat(reader.audit()).isEmpty();
                requireAllOfTheRest(budgets, HARD_NANO_USD - status.spentNanoUsd());
                before = status.spentNanoUsd();
            }
        }
    }

    /** Not a nano-dollar is stuck, and none is there twice. */
    private static void requireAllOfTheRest(Budgets budgets, long left) {
        assertThatExceptionOfType(BudgetException.class).isThrownBy(() -> budgets.reserve(PAYER,
                List.of(new Budgets.Wanted("more", left + 1))));
        budgets.reserve(PAYER, List.of(new Budgets.Wanted("all", left))).getFirst().settle(0, 0);
    }
}
