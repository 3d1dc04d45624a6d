package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KvFormat;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class CpuKvCacheTest {

    private static float[] key(CpuKvCache cache, int layer, int block, int head, int slot) {
        float[] key = new float[cache.headSize()];
        cache.readKey(layer, block, head, slot, key);
        return key;
    }

    private static float[] value(CpuKvCache cache, int layer, int block, int head, int slot) {
        float[] value = new float[cache.headSize()];
        cache.readValue(layer, block, head, slot, value);
        return value;
    }

    private static float[] filled(int count, float value) {
        float[] filled = new float[count];
        Arrays.fill(filled, value);
        return filled;
    }

    /** What a format makes of elements that share a scale, if they share one. */
    private static float[] rounded(KvFormat format, float[] x, int groupElements) {
        float[] rounded = x.clone();
        for (int first = 0; first < x.length; first += groupElements) {
            float largest = 0;
            for (int i = first; i < Math.min(x.length, first + groupElements); i++) {
                largest = Math.max(largest, Math.abs(x[i]));
            }
            float scale = Float.float16ToFloat(Float.floatToFloat16(largest / 127));
            for (int i = first; i < Math.min(x.length, first + groupElements); i++) {
                rounded[i] = switch (format) {
                    case F32 -> x[i];
                    case F16 -> Float.float16ToFloat(Float.floatToFloat16(x[i]));
                    case Q8_0 -> Math.min(127, Math.max(-127, Math.round(x[i] / scale))) * scale;
                };
            }
        }
        return rounded;
    }

    /** Blocks of 32 positions, one layer, one head: keys, then values, with scales. */
    @ParameterizedTest
    @CsvSource({"F32, 64, 16384", "F16, 64, 8192", "Q8_0, 64, 4288", "F16, 80, 11264",
        "Q8_0, 80, 5888", "Q8_0, 5, 1312"})
    void saysItsGeometry(KvFormat format, int headSize, long bytes) {
        try (CpuKvCache cache = new CpuKvCache(format, 3, 2, headSize, 64, 5)) {
            assertThat(cache.format()).isEqualTo(format);
            assertThat(cache.blocks()).isEqualTo(5);
            assertThat(cache.blockTokens()).isEqualTo(64);
            assertThat(cache.blockBytes()).isEqualTo(3 * 2 * 2 * bytes);
            assertThat(CpuKernels.cacheBlockBytes(format, 3, 2, headSize, 64))
                    .isEqualTo(cache.blockBytes());
        }
    }

    @ParameterizedTest
    @EnumSource
    void keepsEveryElementInAPlaceOfItsOwn(KvFormat format) {
        for (int headSize : new int[]{1, 5, 32, 33, 64, 80}) {
            int width = 2 * headSize;
            try (CpuKvCache cache = new CpuKvCache(format, 2, 2, headSize, 64, 3)) {
                float[] x = RandomTensors.gaussians(2 * 3 * 64 * 2 * width, headSize);
                forEachSlot((layer, block, slot, index) -> cache.store(layer, block, slot,
                        Arrays.copyOfRange(x, 2 * index * width, (2 * index + 1) * width),
                        Arrays.copyOfRange(x, (2 * index + 1) * width, (2 * index + 2) * width),
                        0));
                forEachSlot((layer, block, slot, index) -> {
                    for (int head = 0; head < 2; head++) {
                        int at = 2 * index * width + head * headSize;
                        assertThat(key(cache, layer, block, head, slot)).isEqualTo(
                                rounded(format, Arrays.copyOfRange(x, at, at + headSize), 32));
                        assertThat(value(cache, layer, block, head, slot)).isEqualTo(
                                rounded(format, Arrays.copyOfRange(x, at + width,
                                        at + width + headSize), headSize));
                    }
                });
            }
        }
    }

    private interface SlotAction {
        void run(int layer, int block, int slot, int index);
    }

    private static void forEachSlot(SlotAction action) {
        int index = 0;
        for (int layer = 0; layer < 2; layer++) {
            for (int block = 0; block < 3; block++) {
                for (int slot = 0; slot < 64; slot++) {
                    action.run(layer, block, slot, index++);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void storesFromAnOffset(KvFormat format) {
        try (CpuKvCache cache = new CpuKvCache(format, 1, 1, 4, 32, 1)) {
            cache.store(0, 0, 7, new float[]{9, 9, 1, 2, 3, 127, 9},
                    new float[]{9, 9, 127, 5, 6, 7, 9}, 2);
            assertThat(key(cache, 0, 0, 0, 7)).containsExactly(1, 2, 3, 127);
            assertThat(value(cache, 0, 0, 0, 7)).containsExactly(127, 5, 6, 7);
        }
    }

    @ParameterizedTest
    @EnumSource
    void zerosAndTheSmallestElementsComeBack(KvFormat format) {
        try (CpuKvCache cache = new CpuKvCache(format, 1, 1, 4, 32, 1)) {
            cache.store(0, 0, 0, new float[4], new float[]{1e-30f, -1e-30f, 0, 1e-40f}, 0);
            assertThat(key(cache, 0, 0, 0, 0)).containsOnly(0);
            for (float element : value(cache, 0, 0, 0, 0)) {
                assertThat(Math.abs(element)).isLessThanOrEqualTo(1e-30f);
            }
            assertThat(cache.isDamaged(0, 0)).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource
    void copiesAndClearsABlockOverAllLayers(KvFormat format) {
        try (CpuKvCache cache = new CpuKvCache(format, 2, 2, 4, 32, 3)) {
            cache.store(0, 1, 3, filled(8, 127), filled(8, 127), 0);
            cache.store(1, 1, 15, filled(8, 127), filled(8, Float.NaN), 0);
            cache.copy(1, 2);
            cache.zero(1);
            assertThat(key(cache, 0, 2, 1, 3)).containsOnly(127);
            assertThat(value(cache, 0, 2, 0, 3)).containsOnly(127);
            assertThat(value(cache, 1, 2, 1, 15)).containsOnly(Float.NaN);
            assertThat(key(cache, 0, 1, 1, 3)).containsOnly(0);
            assertThat(value(cache, 1, 1, 0, 15)).containsOnly(0);
            assertThat(key(cache, 0, 0, 0, 3)).containsOnly(0);
            assertThat(cache.isDamaged(1, 2)).isTrue();
            assertThat(cache.isDamaged(0, 2)).isFalse();
            assertThat(cache.isDamaged(1, 1)).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource
    void remembersWhereAnElementIsNotFinite(KvFormat format) {
        for (float bad : new float[]{Float.NaN, Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY}) {
            try (CpuKvCache cache = new CpuKvCache(format, 1, 1, 40, 32, 3)) {
                float[] good = RandomTensors.gaussians(40, 1);
                float[] spoiled = good.clone();
                spoiled[37] = bad;
                cache.store(0, 0, 0, good, good, 0);
                cache.store(0, 1, 5, spoiled, good, 0);
                cache.store(0, 2, 31, good, spoiled, 0);
                assertThat(cache.isDamaged(0, 0)).isFalse();
                assertThat(cache.isDamaged(0, 1)).isTrue();
                assertThat(cache.isDamaged(0, 2)).isTrue();
                assertThat(Float.isFinite(key(cache, 0, 1, 0, 5)[37])).isFalse();
                assertThat(Float.isFinite(value(cache, 0, 2, 0, 31)[37])).isFalse();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void refusesWhatIsOutside(KvFormat format) {
        try (CpuKvCache cache = new CpuKvCache(format, 2, 2, 4, 32, 3)) {
            float[] head = filled(8, 1);
            assertOutside(() -> cache.store(2, 0, 0, head, head, 0));
            assertOutside(() -> cache.store(0, 3, 0, head, head, 0));
            assertOutside(() -> cache.store(0, -1, 0, head, head, 0));
            assertOutside(() -> cache.store(0, 0, 32, head, head, 0));
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
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CpuKvCache(KvFormat.F16, 1, 1, 4, 48, 1))
                .withMessageContaining("multiple of 32").withMessageContaining("48");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CpuKvCache(KvFormat.F16, 0, 1, 4, 32, 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new CpuKvCache(KvFormat.F16, 1, 1, 4, 32, 0));
    }
}
