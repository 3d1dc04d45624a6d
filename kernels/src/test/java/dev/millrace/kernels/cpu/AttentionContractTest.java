package dev.millrace.kernels.cpu;

import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/** Attention over the cache, against the definition in double precision. */
@ParameterizedClass
@EnumSource
class AttentionContractTest {

    private static final int LAYERS = 2;
    private static final int LAYER = 1;
    private static final float SCALE = 0.3f;

    @Parameter
    KernelChoice choice;

    private CpuKernels kernels;

    @BeforeEach
    void open() {
        kernels = choice.open();
    }

    /** A sequence whose keys and values are in the cache, and a query for it. */
    private final class Case implements AutoCloseable {
        final int kvHeads;
        final int groupHeads;
        final int headSize;
        final int tokens;
        final int blockTokens;
        final float[] keys;
        final float[] values;
        final float[] query;
        final int[] blockTable;
        final CpuKvCache cache;
        final float[] scores;

        Case(int kvHeads, int groupHeads, int headSize, int tokens, int blockTokens) {
            this.kvHeads = kvHeads;
            this.groupHeads = groupHeads;
            this.headSize = headSize;
            this.tokens = tokens;
            this.blockTokens = blockTokens;
            int width = kvHeads * headSize;
            keys = RandomTensors.gaussians(tokens * width, 1);
            values = RandomTensors.gaussians(tokens * width, 2);
            query = RandomTensors.gaussians(width * groupHeads, 3);
            int blocks = Math.ceilDiv(tokens, blockTokens);
            scores = new float[groupHeads * blocks * blockTokens];
            cache = kernels.openCache(LAYERS, kvHeads, headSize, blockTokens, blocks + 2);
            blockTable = new int[blocks];
            for (int i = 0; i < blocks; i++) {
                blockTable[i] = blocks - i;
            }
            fill();
        }

        /** What is not stored is NaN, so that reading it would show. */
        private void fill() {
            float[] nan = new float[kvHeads * headSize];
            Arrays.fill(nan, Float.NaN);
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int block = 0; block < cache.blocks(); block++) {
                    for (int slot = 0; slot < blockTokens; slot++) {
                        kernels.store(cache, layer, block, slot, nan, nan, 0);
                    }
                }
            }
            for (int t = 0; t < tokens; t++) {
                kernels.store(cache, LAYER, blockTable[t / blockTokens], t % blockTokens, keys,
                        values, t * kvHeads * headSize);
            }
        }

        float[] attend(int begin, int end) {
            float[] out = new float[query.length];
            for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                int offset = kvHead * groupHeads * headSize;
                kernels.attend(cache, LAYER, kvHead, groupHeads, blockTable, begin, end, query,
                        offset, SCALE, scores, out, offset);
            }
            return out;
        }

        double[] expected(int begin, int end) {
            double[] out = new double[query.length];
            for (int head = 0; head < kvHeads * groupHeads; head++) {
                int kv = head / groupHeads * headSize;
                double[] weights = new double[end];
                double sum = 0;
                for (int t = begin; t < end; t++) {
                    double dot = 0;
                    for (int i = 0; i < headSize; i++) {
                        dot += (double) query[head * headSize + i]
                                * keys[t * kvHeads * headSize + kv + i];
                    }
                    weights[t] = Math.exp(dot * SCALE);
                    sum += weights[t];
                }
                for (int t = begin; t < end; t++) {
                    for (int i = 0; i < headSize; i++) {
                        out[head * headSize + i] += weights[t] / sum
                                * values[t * kvHeads * headSize + kv + i];
                    }
                }
            }
            return out;
        }

        @Override
        public void close() {
            cache.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 64, 1, 16", "1, 1, 1, 5, 16", "4, 2, 8, 40, 16", "6, 1, 48, 16, 16",
        "2, 3, 6, 17, 16", "1, 4, 80, 33, 32", "2, 8, 64, 100, 32", "1, 5, 16, 64, 64",
        "1, 7, 100, 31, 16"})
    void attendsAsDefined(int kvHeads, int groupHeads, int headSize, int tokens,
            int blockTokens) {
        try (Case sequence = new Case(kvHeads, groupHeads, headSize, tokens, blockTokens)) {
            for (int begin : new int[]{0, tokens / 3, tokens - 1}) {
                for (int end : new int[]{begin + 1, (begin + tokens + 1) / 2, tokens}) {
                    if (end > begin) {
                        assertAttends(sequence, begin, end);
                    }
                }
            }
        }
    }

    private static void assertAttends(Case sequence, int begin, int end) {
        float[] actual = sequence.attend(begin, end);
        double[] expected = sequence.expected(begin, end);
        for (int i = 0; i < actual.length; i++) {
            assertThat((double) actual[i]).as("positions %d to %d, element %d", begin, end, i)
                    .isCloseTo(expected[i], within(1e-5));
        }
    }

    @Test
    void aLargeScoreDoesNotOverflow() {
        try (Case sequence = new Case(1, 1, 16, 20, 16)) {
            for (int i = 0; i < 16; i++) {
                sequence.query[i] = 300 * sequence.keys[7 * 16 + i];
            }
            float[] actual = sequence.attend(0, 20);
            for (int i = 0; i < 16; i++) {
                assertThat(actual[i]).isCloseTo(sequence.values[7 * 16 + i], within(1e-5f));
            }
        }
    }

    @Test
    void whereABlockLiesDoesNotChangeTheBits() {
        try (Case sequence = new Case(2, 4, 24, 45, 16)) {
            float[] before = sequence.attend(0, 45);
            int spare = sequence.cache.blocks() - 1;
            sequence.cache.copy(sequence.blockTable[1], spare);
            sequence.cache.zero(sequence.blockTable[1]);
            assertThat(sequence.attend(0, 45)).isNotEqualTo(before);
            sequence.blockTable[1] = spare;
            assertThat(sequence.attend(0, 45)).isEqualTo(before);
        }
    }

    @Test
    void headsThatAreComputedTogetherHaveTheBitsOfOneAlone() {
        try (Case together = new Case(1, 8, 40, 50, 16); Case alone = new Case(1, 1, 40, 50, 16)) {
            float[] expected = together.attend(3, 50);
            for (int head = 0; head < 8; head++) {
                System.arraycopy(together.query, head * 40, alone.query, 0, 40);
                assertThat(alone.attend(3, 50))
                        .isEqualTo(Arrays.copyOfRange(expected, head * 40, head * 40 + 40));
            }
        }
    }
}
