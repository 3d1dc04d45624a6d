package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KvFormat;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

/**
 * Attention over a cache of every format, against the definition in double precision over what the
 * cache holds, and against itself: the same bits however the work is divided.
 */
@ParameterizedClass(name = "{0}, {1}")
@MethodSource("kernelsAndFormats")
class AttentionContractTest {

    private static final int LAYERS = 2;
    private static final int LAYER = 1;
    private static final float SCALE = 0.3f;
    /** How far an element may be from the definition; values are of the order of one. */
    private static final double TOLERANCE = 1e-5;
    /** The same for weights rounded to 14 bits; queries are rounded to 8 in the definition too. */
    private static final double ROUNDED_TOLERANCE = 1e-3;

    @Parameter(0)
    KernelChoice choice;

    @Parameter(1)
    KvFormat format;

    private CpuKernels kernels;
    private double tolerance;

    static Stream<Arguments> kernelsAndFormats() {
        // Kernels that round activations leave other formats to the vector kernels.
        return Arrays.stream(KernelChoice.values()).flatMap(choice -> Arrays
                .stream(KvFormat.values())
                .filter(format -> format == KvFormat.Q8_0 || !choice.roundsActivations())
                .map(format -> Arguments.of(choice, format)));
    }

    @BeforeEach
    void open() {
        kernels = choice.open();
        tolerance = choice.roundsActivations() ? ROUNDED_TOLERANCE : TOLERANCE;
    }

    /** A sequence whose keys and values are in the cache, and queries for all its positions. */
    private final class Case implements AutoCloseable {
        final int kvHeads;
        final int groupHeads;
        final int headSize;
        final int tokens;
        final int blockTokens;
        final AttentionRule rule;
        final float[] keys;
        final float[] values;
        final float[] query;
        final int[] blockTable;
        final CpuKvCache cache;
        CpuAttention attention;

        Case(int kvHeads, int groupHeads, int headSize, int tokens, int blockTokens,
                int windowTokens) {
            this(kvHeads, groupHeads, headSize, tokens, blockTokens,
                    new AttentionRule(windowTokens, SCALE));
        }

        Case(int kvHeads, int groupHeads, int headSize, int tokens, int blockTokens,
                AttentionRule rule) {
            this.kvHeads = kvHeads;
            this.groupHeads = groupHeads;
            this.headSize = headSize;
            this.tokens = tokens;
            this.blockTokens = blockTokens;
            this.rule = rule;
            keys = RandomTensors.gaussians(tokens * kvHeads * headSize, 1);
            values = RandomTensors.gaussians(tokens * kvHeads * headSize, 2);
            query = RandomTensors.gaussians(tokens * queryWidth(), 3);
            int blocks = Math.ceilDiv(tokens, blockTokens);
            cache = kernels.openCache(format, LAYERS, kvHeads, headSize, blockTokens, blocks + 2);
            blockTable = new int[blocks];
            for (int i = 0; i < blocks; i++) {
                blockTable[i] = blocks - i;
            }
            attention = kernels.openAttention(cache, groupHeads, rule);
            store();
        }

        int queryWidth() {
            return kvHeads * groupHeads * headSize;
        }

        /** What belongs to nobody is large, so that reading it would show. */
        void store() {
            float[] large = new float[kvHeads * headSize];
            Arrays.fill(large, 1e4f);
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int block = 0; block < cache.blocks(); block++) {
                    for (int slot = 0; slot < blockTokens; slot++) {
                        kernels.store(cache, layer, block, slot, large, large, 0);
                    }
                }
            }
            for (int t = 0; t < tokens; t++) {
                kernels.store(cache, LAYER, blockTable[t / blockTokens], t % blockTokens, keys,
                        values, t * kvHeads * headSize);
            }
        }

        /** Attention of consecutive positions, (count, query width). */
        float[] attend(int position, int count) {
            float[] out = new float[query.length];
            for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                int offset = position * queryWidth() + kvHead * groupHeads * headSize;
                attention.attend(LAYER, kvHead, blockTable, position, count, query, offset, out,
                        offset);
            }
            return Arrays.copyOfRange(out, position * queryWidth(),
                    (position + count) * queryWidth());
        }

        /** As {@link #attend} of one position, chunk by chunk from the last to the first. */
        float[] attendInChunks(int position) {
            float[] out = new float[query.length];
            int first = CpuAttention.firstChunk(position, rule.windowTokens());
            int chunks = position / CpuAttention.CHUNK_TOKENS + 1 - first;
            float[] parts = new float[3 + chunks * attention.partSize()];
            for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                int offset = position * queryWidth() + kvHead * groupHeads * headSize;
                for (int chunk = chunks - 1; chunk >= 0; chunk--) {
                    attention.attendChunk(LAYER, kvHead, blockTable, position, first + chunk,
                            query, offset, parts, 3 + chunk * attention.partSize());
                }
                attention.combine(LAYER, kvHead, parts, 3, chunks, out, offset);
            }
            return Arrays.copyOfRange(out, position * queryWidth(), (position + 1) * queryWidth());
        }

        /** The definition for one position, over what the cache holds. */
        double[] expected(int position) {
            double[] out = new double[queryWidth()];
            float[] query = cache.layout().fours() ? rounded(position) : this.query;
            float[] element = new float[headSize];
            int begin = rule.windowTokens() == 0
                    ? 0
                    : Math.max(0, position + 1 - rule.windowTokens());
            for (int head = 0; head < kvHeads * groupHeads; head++) {
                double[] weights = new double[position + 1];
                double sum = rule.sinks() == null ? 0 : Math.exp(rule.sinks()[LAYER][head]);
                for (int t = begin; t <= position; t++) {
                    cache.readKey(LAYER, blockTable[t / blockTokens], head / groupHeads,
                            t % blockTokens, element);
                    double dot = 0;
                    for (int i = 0; i < headSize; i++) {
                        dot += (double) query[position * queryWidth() + head * headSize + i]
                                * element[i];
                    }
                    double score = dot * rule.scale();
                    if (rule.softCap() != 0) {
                        score = rule.softCap() * Math.tanh(score / rule.softCap());
                    }
                    weights[t] = Math.exp(score);
                    sum += weights[t];
                }
                for (int t = begin; t <= position; t++) {
                    cache.readValue(LAYER, blockTable[t / blockTokens], head / groupHeads,
                            t % blockTokens, element);
                    for (int i = 0; i < headSize; i++) {
                        out[head * headSize + i] += weights[t] / sum * element[i];
                    }
                }
            }
            return out;
        }

        /** The queries with those of a position rounded, each head by itself, 32 at a time. */
        private float[] rounded(int position) {
            float[] rounded = query.clone();
            for (int head = position * queryWidth(); head < (position + 1)
                    * queryWidth(); head += headSize) {
                for (int first = head; first < head + headSize; first += 32) {
                    int past = Math.min(first + 32, head + headSize);
                    float largest = 0;
                    for (int i = first; i < past; i++) {
                        largest = Math.max(largest, Math.abs(query[i]));
                    }
                    for (int i = first; i < past; i++) {
                        rounded[i] = (float) Math.rint(query[i] * (127 / largest))
                                * (largest / 127);
                    }
                }
            }
            return rounded;
        }

        @Override
        public void close() {
            cache.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 64, 1, 32, 0", "1, 1, 1, 5, 32, 0", "4, 2, 8, 40, 32, 7",
        "6, 1, 48, 16, 32, 0", "2, 3, 6, 33, 32, 0", "1, 4, 80, 65, 32, 32", "2, 8, 64, 100, 64, 0",
        "1, 5, 16, 64, 64, 33", "1, 7, 100, 31, 32, 0", "1, 16, 33, 34, 32, 0",
        "1, 4, 64, 300, 32, 0", "2, 1, 32, 520, 64, 260", "2, 2, 24, 40, 32, 0",
        "1, 3, 96, 40, 32, 0", "1, 2, 256, 70, 32, 20"})
    void attendsAsDefined(int kvHeads, int groupHeads, int headSize, int tokens, int blockTokens,
            int windowTokens) {
        try (Case sequence = new Case(kvHeads, groupHeads, headSize, tokens, blockTokens,
                windowTokens)) {
            int count = Math.min(tokens, sequence.attention.tokenLimit());
            int[] positions = {0, (tokens - count) / 2, tokens - count};
            for (int position : IntStream.of(positions).distinct().toArray()) {
                float[] together = sequence.attend(position, count);
                int[] sampled = {0, count / 2, count - 1};
                for (int token : IntStream.of(sampled).distinct().toArray()) {
                    double[] expected = sequence.expected(position + token);
                    assertClose(Arrays.copyOfRange(together, token * sequence.queryWidth(),
                            (token + 1) * sequence.queryWidth()), expected, position + token);
                    assertClose(sequence.attend(position + token, 1), expected, position + token);
                }
            }
        }
    }

    /** Caps that bend scores a little and a lot, and sinks that take a little and nearly all. */
    @ParameterizedTest
    @CsvSource({"0.3, 0, -50", "0.3, 0, 2", "0.125, 1.5, -50", "1, 30, 0", "0.0625, 0.5, 4",
        "1.7, 50, 20"})
    void followsItsRule(float scale, float softCap, float sink) {
        try (Case sequence = new Case(2, 3, 40, 300, 32,
                new AttentionRule(270, scale, softCap, sinks(2 * 3, sink)))) {
            for (int position : new int[]{0, 20, 270}) {
                float[] together = sequence.attend(position, 30);
                for (int token : new int[]{0, 29}) {
                    float[] alone = sequence.attend(position + token, 1);
                    assertClose(alone, sequence.expected(position + token), position + token);
                    assertThat(alone).isEqualTo(Arrays.copyOfRange(together,
                            token * sequence.queryWidth(), (token + 1) * sequence.queryWidth()));
                    assertThat(sequence.attendInChunks(position + token)).isEqualTo(alone);
                }
            }
        }
    }

    private static float[][] sinks(int heads, float first) {
        float[][] sinks = new float[LAYERS][heads];
        for (int head = 0; head < heads; head++) {
            sinks[LAYER][head] = first + head;
        }
        return sinks;
    }

    @Test
    void aSinkFarAboveTheScoresLeavesNothing() {
        try (Case sequence = new Case(1, 2, 16, 20, 32,
                new AttentionRule(0, SCALE, 0, sinks(2, 1000)))) {
            assertClose(sequence.attend(19, 1), new double[2 * 16], 19);
        }
    }

    @Test
    void refusesRulesThatNoSoftmaxFollows() {
        for (Runnable rule : List.<Runnable>of(() -> new AttentionRule(-1, 1),
                () -> new AttentionRule(0, 0), () -> new AttentionRule(0, Float.NaN),
                () -> new AttentionRule(0, 1, -2, null),
                () -> new AttentionRule(0, 1, Float.POSITIVE_INFINITY, null))) {
            assertThatIllegalArgumentException().isThrownBy(rule::run)
                    .withMessageContaining("a positive scale and a cap of at least 0, got");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Case(2, 3, 8, 4, 32,
                        new AttentionRule(0, 1, 0, sinks(5, 0))))
                .withMessageContaining("2 layers of 6 query heads, got 2 layers and 5 heads");
    }

    private void assertClose(float[] actual, double[] expected, int position) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            if (!(Math.abs(actual[i] - expected[i]) <= tolerance)) { // asserting each takes long
                fail("position %d, element %d is %s, not %s", position, i, actual[i], expected[i]);
            }
        }
    }

    /** Head sizes, group sizes and windows that fill no register, tile or chunk exactly. */
    @ParameterizedTest
    @CsvSource({"4, 64, 0", "1, 40, 0", "3, 24, 0", "4, 32, 21", "2, 48, 255", "8, 16, 300"})
    void aPositionHasTheSameBitsAloneAmongOthersAndInChunks(int groupHeads, int headSize,
            int windowTokens) {
        try (Case sequence = new Case(2, groupHeads, headSize, 560, 32, windowTokens)) {
            for (int count : new int[]{2, 5, sequence.attention.tokenLimit()}) {
                for (int position : new int[]{29, 256 - count / 2, 560 - count}) {
                    float[] together = sequence.attend(position, count);
                    for (int token : new int[]{0, count / 2, count - 1}) {
                        assertThat(sequence.attend(position + token, 1))
                                .as("position %d, token %d of %d", position, token, count)
                                .isEqualTo(Arrays.copyOfRange(together,
                                        token * sequence.queryWidth(),
                                        (token + 1) * sequence.queryWidth()));
                    }
                }
            }
            for (int position : new int[]{100, 255, 256, 511, 512}) {
                assertThat(sequence.attendInChunks(position)).as("position %d", position)
                        .isEqualTo(sequence.attend(position, 1));
            }
        }
    }

    @Test
    void roundedElementsCountAsTheFloatsThatTheyAre() {
        if (format == KvFormat.Q8_0) {
            return; // the scale is applied after the sum, not to every element
        }
        try (Case rounded = new Case(1, 4, 40, 300, 32, 0)) {
            float[] expected = rounded.attend(299, 1);
            float[] together = rounded.attend(290, 10);
            format = KvFormat.F32;
            try (Case exact = new Case(1, 4, 40, 300, 32, 0)) {
                for (int t = 0; t < 300; t++) {
                    float[] element = new float[40];
                    rounded.cache.readKey(LAYER, rounded.blockTable[t / 32], 0, t % 32, element);
                    System.arraycopy(element, 0, exact.keys, t * 40, 40);
                    rounded.cache.readValue(LAYER, rounded.blockTable[t / 32], 0, t % 32, element);
                    System.arraycopy(element, 0, exact.values, t * 40, 40);
                }
                exact.store();
                assertThat(exact.attend(299, 1)).isEqualTo(expected);
                assertThat(exact.attend(290, 10)).isEqualTo(together);
            }
        }
    }

    @Test
    void aLargeScoreDoesNotOverflow() {
        try (Case sequence = new Case(1, 1, 16, 20, 32, 0)) {
            for (int i = 0; i < 16; i++) {
                sequence.query[19 * 16 + i] = 300 * sequence.keys[7 * 16 + i];
            }
            float[] value = new float[16];
            sequence.cache.readValue(LAYER, sequence.blockTable[0], 0, 7, value);
            float[] actual = sequence.attend(19, 1);
            for (int i = 0; i < 16; i++) {
                assertThat(actual[i]).isCloseTo(value[i], within((float) tolerance));
            }
        }
    }

    /** Queries and elements as large and as small as halves go. */
    @ParameterizedTest
    @ValueSource(floats = {6e4f, 1, 1e-4f, 1e-7f})
    void elementsOfEverySizeKeepTheirPrecision(float size) {
        try (Case sequence = new Case(1, 4, 64, 40, 32, 0)) {
            for (int i = 0; i < sequence.values.length; i++) {
                sequence.values[i] = size * (i % 7 - 3) / 3;
                sequence.keys[i] = size * (i % 5 - 2) / 2;
            }
            for (int i = 0; i < sequence.query.length; i++) {
                sequence.query[i] /= size;
            }
            sequence.store();
            float[] actual = sequence.attend(39, 1);
            double[] expected = sequence.expected(39);
            for (int i = 0; i < actual.length; i++) {
                assertThat(actual[i] / size).isCloseTo((float) (expected[i] / size),
                        within((float) tolerance));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void whatIsNotFiniteReachesThoseAfterItOnly(float bad) {
        try (Case sequence = new Case(1, 3, 40, 300, 32, 60)) {
            float[] before = sequence.attend(270, 30);
            sequence.values[280 * 40 + 11] = bad;
            sequence.store();
            float[] after = sequence.attend(270, 30);
            int width = sequence.queryWidth();
            assertThat(Arrays.copyOf(after, 10 * width)).isEqualTo(Arrays.copyOf(before,
                    10 * width));
            for (int token = 10; token < 30; token++) {
                assertThat(Float.isFinite(after[token * width + 11])).isFalse();
                assertThat(sequence.attend(270 + token, 1)).isEqualTo(
                        Arrays.copyOfRange(after, token * width, (token + 1) * width));
            }

            sequence.values[280 * 40 + 11] = 1;
            sequence.keys[280 * 40 + 11] = bad;
            sequence.store();
            after = sequence.attend(270, 30);
            assertThat(Arrays.copyOf(after, 10 * width)).isEqualTo(Arrays.copyOf(before,
                    10 * width));
            if (Float.isNaN(bad)) { // an infinite score may have a weight of zero
                assertThat(after[29 * width]).isNaN();
            }
            assertThat(sequence.attendInChunks(299)).isEqualTo(sequence.attend(299, 1));
        }
    }

    @Test
    void whereABlockLiesDoesNotChangeTheBits() {
        try (Case sequence = new Case(2, 4, 24, 70, 32, 0)) {
            float[] before = sequence.attend(60, 10);
            int spare = sequence.cache.blocks() - 1;
            sequence.cache.copy(sequence.blockTable[1], spare);
            sequence.cache.zero(sequence.blockTable[1]);
            assertThat(sequence.attend(60, 10)).isNotEqualTo(before);
            sequence.blockTable[1] = spare;
            assertThat(sequence.attend(60, 10)).isEqualTo(before);
        }
    }

    @Test
    void blocksBeforeTheWindowMayBeMissing() {
        try (Case sequence = new Case(1, 2, 16, 320, 32, 21)) {
            float[] before = sequence.attend(310, 10);
            Arrays.fill(sequence.blockTable, 0, 9, -1); // the window of 310 begins at 290
            assertThat(sequence.attend(310, 10)).isEqualTo(before);
        }
    }

    @Test
    void headsThatAreComputedTogetherHaveTheBitsOfOneAlone() {
        try (Case together = new Case(1, 8, 40, 50, 32, 0);
                Case alone = new Case(1, 1, 40, 50, 32, 0)) {
            float[] expected = together.attend(49, 1);
            for (int head = 0; head < 8; head++) {
                System.arraycopy(together.query, 49 * 8 * 40 + head * 40, alone.query, 49 * 40,
                        40);
                assertThat(alone.attend(49, 1))
                        .isEqualTo(Arrays.copyOfRange(expected, head * 40, head * 40 + 40));
            }
        }
    }

    @Test
    void refusesMorePositionsThanItHasRoomFor() {
        try (Case sequence = new Case(1, 4, 8, 200, 32, 0)) {
            int limit = sequence.attention.tokenLimit();
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> sequence.attend(0, limit + 1))
                    .withMessageContaining("1 to " + limit).withMessageContaining("got "
                            + (limit + 1));
        }
    }
}
