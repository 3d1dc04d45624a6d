package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.server.metering.MachineTime.Kind;
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
}
