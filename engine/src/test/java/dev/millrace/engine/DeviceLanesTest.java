package dev.millrace.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class DeviceLanesTest {

    private long now = -1_000_003;

    private static long sum(LaneReading reading) {
        return reading.stepNanos() + reading.overheadNanos() + reading.idleNanos();
    }

    @Test
    void anOccupancyTakesItsDevicesPartOfTheMachine() {
        DeviceLanes lanes = new DeviceLanes(2, () -> now);
        long first = lanes.lane(0).step(() -> now += 7).nanos();
        long second = lanes.lane(1).step(() -> now += 8).nanos();

        assertThat(first).isEqualTo(3); // of 7 the other has the middle one
        assertThat(second).isEqualTo(4);
        assertThat(lanes.reading()).isEqualTo(new LaneReading(15, 7, 0, 8, List.of(
                new LaneReading(7, 3, 0, 4), new LaneReading(8, 4, 0, 4))));
    }

    @Test
    void oneLaneIsALaneByItself() {
        DeviceLanes alone = new DeviceLanes(1, () -> now);
        alone.first().step(() -> now += 7);

        assertThat(alone.reading()).isEqualTo(new LaneReading(7, 7, 0, 0));
        assertThat(alone.reading().lane(0)).isEqualTo(alone.reading());
        assertThatIllegalArgumentException().isThrownBy(() -> new DeviceLanes(0));
    }

    /** Steps begin and end in any order: one within another, as if each had its thread. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 8, 64})
    void atEveryMomentTheLanesAddUpToTheTimeThatHasPassed(int count) {
        SplittableRandom random = new SplittableRandom(count);
        long opened = now;
        DeviceLanes lanes = new DeviceLanes(count, () -> now);
        List<Integer> free = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            free.add(i);
        }
        long[] steps = new long[count];
        for (int round = 0; round < 200; round++) {
            occupy(lanes, free, random, steps, opened);
        }
        LaneReading end = lanes.reading();
        for (int i = 0; i < count; i++) {
            assertThat(end.lane(i).stepNanos()).isEqualTo(steps[i]);
        }
    }

    private void occupy(DeviceLanes lanes, List<Integer> free, SplittableRandom random,
            long[] steps, long opened) {
        now += random.nextInt(50);
        assertThat(sum(lanes.reading())).isEqualTo(now - opened)
                .isEqualTo(lanes.reading().elapsedNanos());
        if (free.isEmpty()) {
            return;
        }
        int place = free.remove(random.nextInt(free.size()));
        if (random.nextInt(5) == 0) {
            lanes.lane(place).overhead(() -> now += random.nextInt(50));
        } else {
            steps[place] += lanes.lane(place).step(() -> {
                now += random.nextInt(50);
                if (random.nextInt(3) > 0) {
                    occupy(lanes, free, random, steps, opened);
                }
                return now += random.nextInt(50);
            }).nanos();
        }
        free.add(place);
    }

    @Test
    void addsUpWhileThreadsWorkSideBySide() throws Exception {
        DeviceLanes lanes = new DeviceLanes(3);
        AtomicLong measuredNanos = new AtomicLong();
        CountDownLatch together = new CountDownLatch(3); // each in a step: they do overlap
        CountDownLatch done = new CountDownLatch(3);
        for (int i = 0; i < 3; i++) {
            DeviceLane lane = lanes.lane(i);
            Thread.ofPlatform().start(() -> {
                measuredNanos.addAndGet(lane.step(() -> meet(together)).nanos());
                for (int step = 0; step < 500; step++) {
                    measuredNanos.addAndGet(lane.step(() -> null).nanos());
                }
                done.countDown();
            });
        }
        while (!done.await(1, TimeUnit.MILLISECONDS)) {
            LaneReading reading = lanes.reading();
            assertThat(sum(reading)).isEqualTo(reading.elapsedNanos());
        }

        assertThat(lanes.reading().stepNanos()).isEqualTo(measuredNanos.get());
    }

    private static Void meet(CountDownLatch together) {
        together.countDown();
        try {
            together.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return null;
    }
}
