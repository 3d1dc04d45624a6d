package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class ArraySegmentsTest {

    @Test
    void theArraysOfALargeModelKeepTheirSegmentsFromStepToStep() {
        ArraySegments segments = new ArraySegments();
        List<float[]> arrays = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            arrays.add(new float[3]);
        }
        Map<float[], MemorySegment> first = new IdentityHashMap<>();
        arrays.forEach(array -> first.put(array, segments.of(array)));

        // About four of the 512 sets get three of 200 arrays and keep two.
        assertThat(arrays).filteredOn(array -> segments.of(array) == first.get(array))
                .hasSizeGreaterThan(160);
        for (float[] array : arrays) {
            assertThat(segments.of(array).heapBase()).containsSame(array);
        }
    }

    @Test
    void whatWasClosedIsForgotten() {
        ArraySegments segments = new ArraySegments();
        float[] array = new float[3];
        MemorySegment before = segments.of(array);
        assertThat(segments.of(array)).isSameAs(before);

        ArraySegments.forgetAll();

        assertThat(segments.of(array)).isNotSameAs(before);
    }
}
