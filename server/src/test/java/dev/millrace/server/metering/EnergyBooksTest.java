package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.server.metering.MachineTime.Kind;
import dev.millrace.server.metering.attribution.LearntWeights;
import dev.millrace.server.metering.attribution.StepWeights;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** A machine that draws 20 W idle and 100 W busy, as a counter tells it. */
class EnergyBooksTest {

    private static final long MILLI = 1_000_000L;
    private static final List<Kind> LINES = List.of(Kind.IDLE, Kind.OVERHEAD, Kind.RECOMPUTE,
            Kind.REJECTED, Kind.UNRECORDED, Kind.IN_FLIGHT);

    private final ManualLane lane = new ManualLane();
    private final AccountBook book = new AccountBook(StepWeights.DEFAULT);
    private long counter = 5_000_000;
    private final EnergyBooks energy = new EnergyBooks(new EnergySource() {
        @Override
        public long microjoules() {
            return counter;
        }

        @Override
        public String description() {
            return "scripted";
        }
    });

    private void window(long idleMillis, long overheadMillis, long stepMillis) {
        lane.idle(idleMillis * MILLI);
        lane.overhead(overheadMillis * MILLI);
        lane.step(stepMillis * MILLI);
        if (stepMillis > 0) {
            book.record(new StepRecord(stepMillis * MILLI,
                    List.of(new StepShare("nobody", 1, 0, 0, 1))));
        }
        counter += 20_000 * idleMillis + 100_000 * (overheadMillis + stepMillis);
        LaneReading now = lane.get();
        energy.advance(book.snapshot(9), now);
    }

    private long sum() {
        return LINES.stream().mapToLong(energy::of).sum();
    }

    @Test
    void everyWindowAddsUpToItsCounterAndIdleTimeGetsIdlePower() {
        Random random = new Random(3);
        for (int i = 0; i < 200; i++) {
            window(random.nextInt(1_000), i % 7 == 0 ? random.nextInt(100) : 0,
                    i % 5 == 0 ? 0 : random.nextInt(1_000));
            assertThat(sum()).isEqualTo(counter - 5_000_000);
        }
        long idleBefore = energy.of(Kind.IDLE);
        long stepsBefore = energy.of(Kind.UNRECORDED);
        window(800, 0, 200);
        assertThat((double) energy.of(Kind.IDLE) - idleBefore).as("800 ms of 20 W")
                .isCloseTo(16_000_000, withinPercentage(2));
        assertThat((double) energy.of(Kind.UNRECORDED) - stepsBefore).as("200 ms of 100 W")
                .isCloseTo(20_000_000, withinPercentage(2));
    }

    @Test
    void beforeWindowsHaveDifferedTimeIsTimeLikeAnyOther() {
        window(500, 0, 500);
        assertThat(energy.of(Kind.IDLE)).isEqualTo(energy.of(Kind.UNRECORDED))
                .isEqualTo(30_000_000);
        window(500, 0, 500);
        assertThat(energy.of(Kind.IDLE)).isEqualTo(60_000_000);
    }

    @Test
    void aCounterThatGoesBackwardsIsNoFigureEverAfter() {
        window(100, 0, 100);
        counter = 4_000_000;
        energy.advance(book.snapshot(9), lane.get());
        assertThat(energy.of(Kind.IDLE)).isEqualTo(-1);
        window(100, 0, 100);
        assertThat(energy.of(Kind.UNRECORDED)).isEqualTo(-1);
    }

    /** Two devices of which one draws ten times as much, and a processor that serves both. */
    @Test
    void aLanesEnergyGoesToItsOwnRequestsAndTheProcessorsToAll() {
        long[] joules = new long[3];
        EnergySource source = new EnergySource() {
            @Override
            public long microjoules() {
                return joules[0] + joules[1] + joules[2];
            }

            @Override
            public String description() {
                return "scripted";
            }

            @Override
            public List<Part> parts() {
                return List.of(new Part(part(joules, 0), Part.ANY_LANE),
                        new Part(part(joules, 1), 0), new Part(part(joules, 2), 1));
            }
        };
        AccountBook books = new AccountBook(StepWeights.DEFAULT);
        EnergyBooks both = new EnergyBooks(source);
        both.advance(books.snapshot(9), reading(0, 0)); // before anything has run
        for (int lane = 0; lane < 2; lane++) {
            books.learn(LEARNT, lane);
            books.open(account("request" + lane), 9);
            books.record(new StepRecord(MILLI, List.of(
                    new StepShare("request" + lane, 1, 0, 0, 1))), LEARNT, lane);
        }
        joules[0] = 1_000;
        joules[1] = 10_001;
        joules[2] = 100_003;
        both.advance(books.snapshot(9), reading(MILLI, MILLI));

        assertThat(books.snapshot(9).unpaid()).extracting(Account.Reading::account)
                .extracting(account -> account.request.requestId(), both::of)
                .containsExactlyInAnyOrder(tuple("request0", 10_501L),
                        tuple("request1", 100_503L));
        joules[1] += 500;
        LaneReading idle = new LaneReading(3 * MILLI, 2 * MILLI, 0, MILLI,
                List.of(new LaneReading(2 * MILLI, MILLI, 0, MILLI),
                        new LaneReading(MILLI, MILLI, 0, 0)));
        both.advance(books.snapshot(9), idle);
        assertThat(both.of(Kind.IDLE)).as("of the first device alone").isEqualTo(500);
        joules[2] = -1;
        both.advance(books.snapshot(9), idle);
        assertThat(both.of(Kind.IDLE)).isEqualTo(-1);
    }

    private static final LearntWeights LEARNT = new LearntWeights("tiny", "abacus", false,
            StepWeights.DEFAULT, false);

    private static Account account(String id) {
        return new Account(new MeteredRequest(id, "tiny", "tenant", "/v1/completions"),
                new SpendingLimit(Allowance.UNLIMITED, 1_000_000), 0);
    }

    private static LaneReading reading(long first, long second) {
        return new LaneReading(first + second, first + second, 0, 0, List.of(
                new LaneReading(first, first, 0, 0), new LaneReading(second, second, 0, 0)));
    }

    private static EnergySource part(long[] joules, int part) {
        return new EnergySource() {
            @Override
            public long microjoules() {
                return joules[part];
            }

            @Override
            public String description() {
                return "part " + part;
            }
        };
    }
}
