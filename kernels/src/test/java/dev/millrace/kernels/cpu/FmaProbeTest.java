package dev.millrace.kernels.cpu;

import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class FmaProbeTest {

    @Test
    void theProbeMeasuresSomethingWithEveryWorker() {
        try (WorkerPool pool = WorkerPool.create(2)) {
            double reached = new FmaProbe(pool).gigaMacsPerSecond();
            // No clock of this decade makes the units faster than that, whatever the load.
            assertThat(reached).isBetween(0.001, 2 * 16 * 4 * 10.0);
        }
    }
}
