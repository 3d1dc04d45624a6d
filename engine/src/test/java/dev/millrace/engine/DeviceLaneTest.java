package dev.millrace.engine;

import dev.millrace.engine.DeviceLane.Occupancy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class DeviceLaneTest {

    private long now = 1_000_000;
    private final DeviceLane lane = new DeviceLane(() -> now);

    private String takes(long nanos) {
        now += nanos;
        return "done";
    }

    @Test
    void measuresAStepAndTheGapsAroundIt() {
        now += 5;
        Occupancy<String> step = lane.step(() -> takes(7));
        now += 11;

        assertThat(step).isEqualTo(new Occupancy<>("done", null, 7));
        assertThat(lane.reading()).isEqualTo(new LaneReading(23, 7, 0, 16));
    }

    @Test
    void keepsOverheadApart() {
        assertThat(lane.overhead(() -> takes(100))).isEqualTo("done");
        lane.step(() -> takes(7));

        assertThat(lane.reading()).isEqualTo(new LaneReading(107, 7, 100, 0));
    }

    @Test
    void aStepThatThrowsHasOccupiedTheDeviceAllTheSame() {
        IllegalStateException failure = new IllegalStateException("broken on purpose");

        Occupancy<String> step = lane.step(() -> {
            takes(7);
            throw failure;
        });

        assertThat(step).isEqualTo(new Occupancy<>(null, failure, 7));
        assertThat(lane.reading().stepNanos()).isEqualTo(7);
        assertThat(lane.step(() -> takes(1)).failure()).isNull();
    }

    @Test
    void overheadThatThrowsIsCountedAndTheLaneGoesOn() {
        assertThatIllegalStateException().isThrownBy(() -> lane.overhead(() -> {
            takes(9);
            throw new IllegalStateException("broken on purpose");
        }));

        assertThat(lane.reading()).isEqualTo(new LaneReading(9, 0, 9, 0));
        assertThat(lane.step(() -> takes(1)).nanos()).isEqualTo(1);
    }

    @Test
    void aReadingDuringAStepCountsItSoFarAndLosesNothing() {
        List<LaneReading> during = new ArrayList<>();
        Occupancy<String> step = lane.step(() -> {
            takes(4);
            during.add(lane.reading());
            return takes(6);
        });

        assertThat(during).containsExactly(new LaneReading(4, 4, 0, 0));
        assertThat(step.nanos()).isEqualTo(10);
        assertThat(lane.reading()).isEqualTo(new LaneReading(10, 10, 0, 0));
    }

    @Test
    void aReadingInAGapCountsTheGapSoFar() {
        now += 3;
        assertThat(lane.reading()).isEqualTo(new LaneReading(3, 0, 0, 3));
        now += 4;
        lane.step(() -> takes(1));
        assertThat(lane.reading()).isEqualTo(new LaneReading(8, 1, 0, 7));
    }

    @Test
    void neverRunsTwoStepsAtOnceAndNeverLosesTime() throws Exception {
        DeviceLane shared = new DeviceLane();
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger overlaps = new AtomicInteger();
        AtomicLong measuredNanos = new AtomicLong();
        CountDownLatch done = new CountDownLatch(4);
        for (int i = 0; i < 4; i++) {
            Thread.ofPlatform().start(() -> {
                for (int step = 0; step < 500; step++) {
                    measuredNanos.addAndGet(shared.step(() -> {
                        overlaps.addAndGet(inside.getAndIncrement());
                        Thread.onSpinWait();
                        return inside.decrementAndGet();
                    }).nanos());
                }
                done.countDown();
            });
        }
        while (!done.await(1, TimeUnit.MILLISECONDS)) {
            LaneReading reading = shared.reading();
            assertThat(reading.stepNanos() + reading.idleNanos()).isEqualTo(reading.elapsedNanos());
        }

        assertThat(overlaps).hasValue(0);
        assertThat(shared.reading().stepNanos()).isEqualTo(measuredNanos.get());
    }
}
