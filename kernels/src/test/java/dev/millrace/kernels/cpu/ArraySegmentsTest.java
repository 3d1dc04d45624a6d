package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ArraySegmentsTest {

    private final ArraySegments segments = new ArraySegments();

    @Test
    void anArrayHasOneSegment() {
        float[] first = {1, 2};
        float[] second = {1, 2};
        MemorySegment segment = segments.of(first);

        assertThat(segments.of(second).heapBase()).containsSame(second);
        assertThat(segments.of(first)).isSameAs(segment);
        assertThat(segment.heapBase()).containsSame(first);
    }

    @Test
    void moreArraysThanAreKeptStillGetTheirOwn() {
        float[][] arrays = IntStream.range(0, 50).mapToObj(i -> new float[]{i})
                .toArray(float[][]::new);
        for (int round = 0; round < 3; round++) {
            for (float[] array : arrays) {
                assertThat(segments.of(array).heapBase()).containsSame(array);
            }
        }
    }
}
