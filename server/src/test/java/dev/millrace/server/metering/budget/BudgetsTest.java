package dev.millrace.server.metering.budget;

import dev.millrace.server.metering.budget.BudgetEvents.Kind;
import dev.millrace.server.metering.budget.Budgets.Wanted;
import dev.millrace.server.metering.database.LedgerAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

@Timeout(120)
class BudgetsTest {

    private static final Payer PAYER = new Payer("research", "search", "ci");
    private static final ZoneId UTC = ZoneOffset.UTC;

    @TempDir
    Path folder;

    private final List<String> told = new ArrayList<>();
    private volatile Instant now = Instant.parse("2026-11-21T23:30:00Z");
    private Budgets budgets;

    @BeforeEach
    void open() {
        Clock clock = new Clock() {

            @Override
            public Instant instant() {
                return now;
            }

            @Override
            public ZoneId getZone() {
                return UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                throw new UnsupportedOperationException("this clock is in UTC");
            }
        };
        budgets = Budgets.open(LedgerAddress.ofFile(folder.resolve("ledger.db")), clock,
                (kind, status) -> told.add(kind + " " + status.budget().label()));
    }

    @AfterEach
    void close() {
        budgets.close();
    }

    private static Budget hard(BudgetScope scope, String name, BudgetPeriod period, long nanoUsd) {
        return new Budget(scope, name, period, OptionalLong.of(nanoUsd), OptionalLong.empty(), UTC);
    }

    private Hold reserve(Payer payer, String id, long nanoUsd) {
        return budgets.reserve(payer, List.of(new Wanted(id, nanoUsd))).getFirst();
    }

    private BudgetStatus status(BudgetScope scope) {
        return budgets.statuses().stream().filter(one -> one.budget().scope() == scope)
                .findFirst().orElseThrow();
    }

    @Test
    void whatIsSetAsideAndSpentIsNeverMoreThanTheLimit() {
        budgets.set(hard(BudgetScope.TEAM, "research", BudgetPeriod.DAY, 100));
        Hold first = reserve(PAYER, "a", 60);

        assertThatExceptionOfType(BudgetException.class).isThrownBy(() -> reserve(PAYER, "b", 41))
                .withMessageContaining("team research, per day")
                .withMessageContaining("0.00000004 USD are left")
                .withMessageContaining("may cost 0.000000041 USD")
                .withMessageContaining("wait until 2026-11-22T00:00:00Z")
                .satisfies(e -> assertThat(e.untilReset().toMinutes()).isEqualTo(30));
        reserve(PAYER, "b", 40);
        first.settle(20, now.toEpochMilli());
        first.settle(20, now.toEpochMilli());

        BudgetStatus status = status(BudgetScope.TEAM);
        assertThat(status.spentNanoUsd()).isEqualTo(20);
        assertThat(status.setAsideNanoUsd()).isEqualTo(40);
        assertThat(status.leftNanoUsd()).hasValue(40);
        assertThat(reserve(new Payer("others", null, null), "c", 1_000).limited()).isFalse();
    }

    @Test
    void allBudgetsThatCoverAPayerCountOrNone() {
        budgets.set(hard(BudgetScope.SERVER, "", BudgetPeriod.MONTH, 1_000));
        budgets.set(hard(BudgetScope.PROJECT, "search", BudgetPeriod.DAY, 500));
        budgets.set(hard(BudgetScope.KEY, "ci", BudgetPeriod.DAY, 100));

        assertThatExceptionOfType(BudgetException.class).isThrownBy(() -> budgets.reserve(PAYER,
                List.of(new Wanted("a", 60), new Wanted("b", 60))))
                .withMessageContaining("key ci, per day");
        assertThat(budgets.statuses()).allMatch(one -> one.setAsideNanoUsd() == 0);

        Hold hold = reserve(PAYER, "a", 100);
        assertThat(budgets.statuses(PAYER)).hasSize(3)
                .allMatch(one -> one.setAsideNanoUsd() == 100);
        assertThat(hold.extend(1, 1)).isFalse();
        hold.drop();
        assertThat(budgets.statuses()).allMatch(one -> one.setAsideNanoUsd() == 0);
    }

    @Test
    void aHoldGrowsByWhatThereIs() {
        budgets.set(hard(BudgetScope.TEAM, "research", BudgetPeriod.DAY, 100));
        Hold hold = reserve(PAYER, "a", 10);

        assertThat(hold.extend(5, 50)).isTrue();
        assertThat(hold.nanoUsd()).isEqualTo(60);
        assertThat(hold.extend(5, 50)).as("a part is enough").isTrue();
        assertThat(hold.nanoUsd()).isEqualTo(100);
        assertThat(hold.extend(1, 50)).isFalse();
        assertThat(told).containsExactly("EXHAUSTED team research, per day");
    }

    @Test
    void aNewPeriodBeginsAtMidnightOfTheBudgetsOwnZone() {
        budgets.set(hard(BudgetScope.TEAM, "research", BudgetPeriod.DAY, 100));
        budgets.set(new Budget(BudgetScope.KEY, "ci", BudgetPeriod.DAY, OptionalLong.of(100),
                OptionalLong.empty(), ZoneId.of("America/New_York")));
        reserve(PAYER, "a", 70).settle(70, now.toEpochMilli());
        Hold running = reserve(PAYER, "b", 20);

        now = Instant.parse("2026-11-22T00:10:00Z"); // evening in New York

        assertThat(status(BudgetScope.TEAM).spentNanoUsd()).isZero();
        assertThat(status(BudgetScope.TEAM).setAsideNanoUsd()).isEqualTo(20);
        assertThat(status(BudgetScope.KEY).spentNanoUsd()).isEqualTo(70);
        running.settle(20, Instant.parse("2026-11-21T23:59:59Z").toEpochMilli());
        assertThat(status(BudgetScope.TEAM).spentNanoUsd()).as("it ended yesterday").isZero();
        assertThat(status(BudgetScope.KEY).spentNanoUsd()).isEqualTo(90);
        now = Instant.parse("2026-11-21T22:00:00Z");
        assertThat(status(BudgetScope.TEAM).began()).as("a clock that goes backwards")
                .isEqualTo(Instant.parse("2026-11-22T00:00:00Z"));
    }

    @Test
    void monthsHaveTheirOwnLengths() {
        ZoneId berlin = ZoneId.of("Europe/Berlin");
        assertThat(BudgetPeriod.MONTH.start(now, berlin)).isEqualTo("2026-10-31T23:00:00Z");
        assertThat(BudgetPeriod.MONTH.end(now, berlin)).isEqualTo("2026-11-30T23:00:00Z");
        Instant summerTime = Instant.parse("2026-03-29T12:00:00Z");
        assertThat(BudgetPeriod.DAY.start(summerTime, berlin)).isEqualTo("2026-03-28T23:00:00Z");
        assertThat(BudgetPeriod.DAY.end(summerTime, berlin)).isEqualTo("2026-03-29T22:00:00Z");
    }

    @Test
    void softLimitsAndForecastsAreToldOnceAPeriod() {
        budgets.set(new Budget(BudgetScope.TEAM, "research", BudgetPeriod.DAY,
                OptionalLong.empty(), OptionalLong.of(50), UTC));
        budgets.set(hard(BudgetScope.SERVER, "", BudgetPeriod.DAY, 1_000));
        for (int i = 0; i < 4; i++) {
            reserve(PAYER, "r" + i, 500).settle(30, now.toEpochMilli());
        }
        assertThat(told).containsExactly("SOFT_LIMIT team research, per day");
        assertThat(status(BudgetScope.TEAM).warns()).isTrue();
        assertThat(status(BudgetScope.SERVER).burnNanoUsdPerHour()).isEqualTo(120);
        assertThat(status(BudgetScope.SERVER).forecastNanoUsd()).as("half an hour is left")
                .isEqualTo(180);

        told.clear();
        now = Instant.parse("2026-11-22T00:00:00Z");
        reserve(PAYER, "next", 500).settle(60, now.toEpochMilli());
        assertThat(told).containsExactly("SOFT_LIMIT team research, per day",
                "FORECAST server, per day");
        assertThat(status(BudgetScope.SERVER).forecastNanoUsd()).isEqualTo(60 + 24 * 180);
        now = now.plusSeconds(7_200);
        assertThat(status(BudgetScope.SERVER).burnNanoUsdPerHour()).isZero();
    }

    @Test
    void budgetsOfAnotherProcessCountAndRequestsThatRunAlreadyToo() {
        Hold running = reserve(PAYER, "a", 30);
        Budget budget = hard(BudgetScope.TEAM, "research", BudgetPeriod.DAY, 100);

        budgets.set(budget);

        assertThat(status(BudgetScope.TEAM).setAsideNanoUsd()).isEqualTo(30);
        running.settle(45, now.toEpochMilli());
        assertThat(status(BudgetScope.TEAM).spentNanoUsd())
                .as("it ran without a limit").isEqualTo(45);
        budgets.set(hard(BudgetScope.TEAM, "research", BudgetPeriod.DAY, 50));
        assertThat(status(BudgetScope.TEAM).leftNanoUsd()).hasValue(5);
        assertThat(budgets.remove(budget.id())).isTrue();
        assertThat(budgets.remove(budget.id())).isFalse();
        assertThat(budgets.statuses()).isEmpty();
    }

    /** A thousand requests at once, of several payers, that grow and cost what they like. */
    @Test
    void noScheduleSpendsANanoDollarTooMuch() throws Exception {
        long serverLimit = 400_000;
        long teamLimit = 150_000;
        budgets.set(hard(BudgetScope.SERVER, "", BudgetPeriod.MONTH, serverLimit));
        for (int team = 0; team < 4; team++) {
            budgets.set(hard(BudgetScope.TEAM, "t" + team, BudgetPeriod.MONTH, teamLimit));
        }
        AtomicLong charged = new AtomicLong();
        AtomicBoolean watching = new AtomicBoolean(true);
        List<Future<Integer>> refused = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<?> watch = threads.submit(() -> {
                while (watching.get()) {
                    for (BudgetStatus status : budgets.statuses()) {
                        assertThat(status.spentNanoUsd() + status.setAsideNanoUsd())
                                .isLessThanOrEqualTo(status.budget().hardNanoUsd().getAsLong());
                    }
                    Thread.yield();
                }
            });
            for (int client = 0; client < 1_000; client++) {
                int number = client;
                refused.add(threads.submit(() -> spend(number, charged)));
            }
            int turnedAway = 0;
            for (Future<Integer> one : refused) {
                turnedAway += one.get();
            }
            watching.set(false);
            watch.get();
            assertThat(turnedAway).as("there was not enough for all").isPositive();
        }
        long spent = status(BudgetScope.SERVER).spentNanoUsd();
        assertThat(spent).isEqualTo(charged.get()).isPositive().isLessThanOrEqualTo(serverLimit);
        assertThat(budgets.statuses()).allMatch(one -> one.setAsideNanoUsd() == 0);
        assertThat(budgets.statuses().stream()
                .filter(one -> one.budget().scope() == BudgetScope.TEAM)
                .mapToLong(BudgetStatus::spentNanoUsd).sum()).isEqualTo(spent);
    }

    private int spend(int client, AtomicLong charged) {
        Random random = new Random(client);
        Payer payer = new Payer("t" + client % 4, null, "k" + client);
        int refused = 0;
        for (int i = 0; i < 3; i++) {
            List<Hold> holds;
            try {
                holds = budgets.reserve(payer, List.of(new Wanted(client + "-" + i,
                        random.nextInt(2_000)), new Wanted(client + "-" + i + "b", 7)));
            } catch (BudgetException e) {
                refused++;
                continue;
            }
            holds.getLast().drop();
            Hold hold = holds.getFirst();
            Thread.yield();
            hold.extend(1 + random.nextInt(50), 300);
            Thread.yield();
            long cost = (long) (random.nextDouble() * hold.nanoUsd());
            charged.addAndGet(cost);
            hold.settle(cost, now.toEpochMilli());
        }
        return refused;
    }

    @Test
    void budgetsThatMakeNoSenseAreRefused() {
        refused("needs a hard limit, a soft one or both", () -> new Budget(BudgetScope.SERVER, "",
                BudgetPeriod.DAY, OptionalLong.empty(), OptionalLong.empty(), UTC));
        refused("it would never warn", () -> new Budget(BudgetScope.SERVER, "", BudgetPeriod.DAY,
                OptionalLong.of(5), OptionalLong.of(6), UTC));
        refused("must be between 0 and 1000000000.00 USD", () -> hard(BudgetScope.SERVER, "",
                BudgetPeriod.DAY, Long.MAX_VALUE));
        refused("the name of a team must be", () -> hard(BudgetScope.TEAM, "a b",
                BudgetPeriod.DAY, 5));
        refused("the budget of the server has no name", () -> hard(BudgetScope.SERVER, "x",
                BudgetPeriod.DAY, 5));
        refused("scope must be", () -> BudgetScope.ofWord("king"));
        refused("period must be", () -> BudgetPeriod.ofWord("week"));
        assertThat(told).doesNotContain(Kind.EXHAUSTED.name());
    }

    private static void refused(String message, Runnable budget) {
        assertThatIllegalArgumentException().isThrownBy(budget::run)
                .withMessageContaining(message);
    }
}
