package dev.millrace.kernels.cpu;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class CpuKvCacheTest {

    private static float[] ones(int count) {
        float[] ones = new float[count];
        Arrays.fill(ones, 1);
        return ones;
    }

    private static float key(CpuKvCache cache, int layer, int block, int head, int slot, int i) {
        return RawMemory.ALL.get(RawMemory.FLOAT, cache.headAddress(layer, block, head)
                + cache.keyOffset(slot) + i * 16L * Float.BYTES);
    }

    private static float value(CpuKvCache cache, int layer, int block, int head, int slot,
            int i) {
        return RawMemory.ALL.get(RawMemory.FLOAT,
                cache.headAddress(layer, block, head) + cache.valueOffset(slot) + i * 4L);
    }

    @Test
    void saysItsGeometry() {
        try (CpuKvCache cache = new CpuKvCache(3, 2, 6, 32, 5)) {
            assertThat(cache.blocks()).isEqualTo(5);
            assertThat(cache.blockTokens()).isEqualTo(32);
            assertThat(cache.blockBytes()).isEqualTo(3 * 2 * 2 * 6 * 32 * 4);
        }
    }

    @Test
    void keepsEveryElementInAPlaceOfItsOwn() {
        int width = 2 * 5;
        try (CpuKvCache cache = new CpuKvCache(2, 2, 5, 32, 3)) {
            int next = 0;
            for (int layer = 0; layer < 2; layer++) {
                for (int block = 0; block < 3; block++) {
                    for (int slot = 0; slot < 32; slot++, next += 2 * width) {
                        cache.store(layer, block, slot, counting(next, width),
                                counting(next + width, width), 0);
                    }
                }
            }
            next = 0;
            for (int layer = 0; layer < 2; layer++) {
                for (int block = 0; block < 3; block++) {
                    for (int slot = 0; slot < 32; slot++, next += 2 * width) {
                        for (int i = 0; i < width; i++) {
                            assertThat(key(cache, layer, block, i / 5, slot, i % 5))
                                    .isEqualTo(next + i);
                            assertThat(value(cache, layer, block, i / 5, slot, i % 5))
                                    .isEqualTo(next + width + i);
                        }
                    }
                }
            }
        }
    }

    private static float[] counting(int first, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = first + i;
        }
        return values;
    }

    @Test
    void copiesAndClearsABlockOverAllLayers() {
        try (CpuKvCache cache = new CpuKvCache(2, 1, 4, 16, 3)) {
            cache.store(0, 1, 3, ones(4), ones(4), 0);
            cache.store(1, 1, 15, ones(4), ones(4), 0);
            cache.copy(1, 2);
            cache.zero(1);
            assertThat(key(cache, 0, 2, 0, 3, 3)).isEqualTo(1);
            assertThat(value(cache, 1, 2, 0, 15, 0)).isEqualTo(1);
            assertThat(key(cache, 0, 1, 0, 3, 3)).isZero();
            assertThat(value(cache, 1, 1, 0, 15, 0)).isZero();
            assertThat(key(cache, 0, 0, 0, 3, 3)).isZero();
        }
    }

    @Test
    void refusesWhatIsOutside() {
        try (CpuKvCache cache = new CpuKvCache(2, 2, 4, 16, 3)) {
            float[] head = ones(8);
            assertOutside(() -> cache.store(2, 0, 0, head, head, 0));
            assertOutside(() -> cache.store(0, 3, 0, head, head, 0));
            assertOutside(() -> cache.store(0, -1, 0, head, head, 0));
            assertOutside(() -> cache.store(0, 0, 16, head, head, 0));
            assertOutside(() -> cache.store(0, 0, 0, head, head, 1));
            assertOutside(() -> cache.copy(0, 3));
            assertOutside(() -> cache.copy(-1, 0));
            assertOutside(() -> cache.zero(3));
        }
    }

    private static void assertOutside(Runnable call) {
        assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(call::run);
    }

    @Test
    void refusesAnImpossibleGeometry() {
        assertThatIllegalArgumentException().isThrownBy(() -> new CpuKvCache(1, 1, 4, 24, 1))
                .withMessageContaining("multiple of 16").withMessageContaining("24");
        assertThatIllegalArgumentException().isThrownBy(() -> new CpuKvCache(0, 1, 4, 16, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> new CpuKvCache(1, 1, 4, 16, 0));
    }
}
