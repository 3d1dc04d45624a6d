package dev.millrace.bench.matmul;

import dev.millrace.bench.MatrixShape;
import dev.millrace.kernels.QuantFormat;
import java.time.Duration;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** A whole benchmark in a JVM of its own, briefly; what it measures is nobody's assertion. */
class MatmulRunTest {

    @Test
    void aProductIsMeasuredBesideTheMachinesLimits() {
        MatmulResult result = new MatmulRun("vector", false, QuantFormat.Q4_K,
                new MatrixShape(272, 512), 3, 2).measure(Duration.ofMillis(20));

        assertThat(result.micros().median()).isPositive();
        assertThat(result.memoryRead().median()).isPositive();
        assertThat(result.fma().median()).isPositive();
        // The bytes of packed weights: in the order of 4.5 bits each.
        double bytes = result.gigabytes().median() * result.micros().median() * 1e3;
        assertThat(bytes).isBetween(272 * 512 * 4 / 8.0, 272 * 512 * 10 / 8.0);
        assertThat(result.asMap()).containsEntry("format", QuantFormat.Q4_K)
                .containsEntry("threads", 2).containsKeys("bandwidth_share", "fma_share");
        assertThat(result.line()).startsWith("vector          Q4_K     272x512          3");
    }
}
