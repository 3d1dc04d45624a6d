package dev.millrace.models.text;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

class MergeQueueTest {

    @Test
    void ordersByScoreAndThenFromTheLeft() {
        float[] falling = {Float.POSITIVE_INFINITY, Float.MAX_VALUE, 1, Float.MIN_VALUE, 0,
            -Float.MIN_VALUE, -1, -260, -1e9f, -Float.MAX_VALUE, Float.NEGATIVE_INFINITY};
        for (int i = 1; i < falling.length; i++) {
            assertThat(MergeQueue.key(falling[i - 1], Integer.MAX_VALUE))
                    .as(falling[i - 1] + " before " + falling[i])
                    .isLessThan(MergeQueue.key(falling[i], 0));
        }
        assertThat(MergeQueue.key(-3, 4)).isLessThan(MergeQueue.key(-3, 5));
        assertThat(MergeQueue.key(-0f, 4)).isEqualTo(MergeQueue.key(0f, 4));
        assertThat(MergeQueue.position(MergeQueue.key(-3, 123_456))).isEqualTo(123_456);
    }

    @Test
    void givesBackWhatWasAddedInOrder() {
        Random random = new Random(3);
        for (int size = 0; size < 200; size++) {
            long[] keys = random.longs(size, 0, 50).toArray();
            MergeQueue queue = new MergeQueue(4);
            for (long key : keys) {
                queue.add(key);
            }
            long[] polled = new long[size];
            for (int i = 0; i < size; i++) {
                assertThat(queue.isEmpty()).isFalse();
                polled[i] = queue.poll();
            }
            assertThat(queue.isEmpty()).isTrue();
            Arrays.sort(keys);
            assertThat(polled).containsExactly(keys);
        }
    }
}
