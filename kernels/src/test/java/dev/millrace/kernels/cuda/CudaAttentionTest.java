package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.CudaKernels.AttendStep;
import dev.millrace.kernels.cuda.CudaKernels.AttendWork;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Attention on the emulated device against its definition in double over what the cache holds. */
class CudaAttentionTest extends OnEmulatedDevice {

    /** How far an element may be from the definition; values are of the order of one. */
    private static final double TOLERANCE = 2e-6;
    /** The same with weights, and results, of one half. */
    private static final double HALF_TOLERANCE = 1e-3;

    /**
     * What attends to what.
     *
     * @param window positions, 0 for all
     * @param spans  for each sequence its first position in the step, and the end
     */
    record Shape(KvFormat format, int heads, int kvHeads, int headSize, int window, float cap,
            boolean sinks, int[][] spans) {

        int tokens() {
            return Arrays.stream(spans).mapToInt(span -> span[1] - span[0]).sum();
        }

        int context() {
            return Arrays.stream(spans).mapToInt(span -> span[1]).max().orElseThrow();
        }

        int width() {
            return heads * headSize;
        }

        @Override
        public String toString() {
            return format + ", " + heads + "/" + kvHeads + " heads of " + headSize + ", window "
                    + window + ", cap " + cap + ", sinks " + sinks + ", "
                    + Arrays.deepToString(spans);
        }
    }

    static List<Shape> shapes() {
        int[][] ragged = {{260, 265}, {0, 3}, {40, 41}};
        return List.of(
                new Shape(KvFormat.F32, 4, 1, 32, 0, 0, false, new int[][]{{31, 32}}),
                new Shape(KvFormat.F16, 4, 1, 128, 0, 0, false, new int[][]{{95, 96}}),
                new Shape(KvFormat.F32, 4, 2, 16, 0, 0, false, ragged),
                new Shape(KvFormat.F16, 4, 1, 64, 0, 0, false, ragged),
                new Shape(KvFormat.Q8_0, 14, 2, 40, 0, 0, false, ragged),
                new Shape(KvFormat.F16, 3, 3, 20, 7, 0, true, ragged),
                new Shape(KvFormat.Q8_0, 8, 1, 128, 250, 0, true, new int[][]{{512, 515}}),
                new Shape(KvFormat.F32, 5, 1, 80, 0, 3, false, new int[][]{{63, 66}}),
                new Shape(KvFormat.Q8_0, 2, 1, 192, 0, 3, false, new int[][]{{127, 130}}),
                new Shape(KvFormat.F16, 2, 2, 256, 5, 30, true, new int[][]{{30, 36}, {258, 259}}),
                new Shape(KvFormat.F16, 20, 1, 32, 0, 0, false, new int[][]{{3, 4}, {60, 68}}),
                new Shape(KvFormat.F16, 4, 2, 32, 0, 0, true, new int[][]{{0, 37}}));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void isWhatTheDefinitionSays(Shape shape) {
        Case one = new Case(shape, CudaActivations.F16X2);
        one.compareWithDefinition(one.queries, TOLERANCE);
    }

    /** Of what queries are as halves, but for floats in the cache, which are two halves anyway. */
    @ParameterizedTest
    @EnumSource(KvFormat.class)
    void aHalfIsWhatTheDefinitionSaysOfHalves(KvFormat format) {
        Case one = new Case(new Shape(format, 8, 2, 40, 100, 0, true,
                new int[][]{{100, 120}, {126, 130}}), CudaActivations.F16);
        boolean floats = format == KvFormat.F32;
        one.compareWithDefinition(floats
                ? one.queries
                : RoundedActivations.of(one.queries, 40, CudaActivations.F16),
                floats ? TOLERANCE : HALF_TOLERANCE);
    }

    @ParameterizedTest
    @EnumSource(KvFormat.class)
    void aTokensBitsDependNotOnTheOthersOfItsLaunch(KvFormat format) {
        Case one = new Case(new Shape(format, 8, 2, 40, 100, 0, false,
                new int[][]{{110, 150}, {3, 7}, {60, 70}}), CudaActivations.F16);
        int width = one.shape.width();
        float[] together = one.attend(0, 54, Walk.WHOLE);
        assertThat(one.attend(0, 54, Walk.BOTH)).isEqualTo(together);
        for (int[] part : new int[][]{{0, 1}, {6, 1}, {53, 1}, {0, 13}, {13, 35}, {39, 15}}) {
            for (Walk walk : List.of(Walk.PIECES, Walk.WHOLE)) {
                assertThat(one.attend(part[0], part[1], walk))
                        .as("%d tokens from %d on, %s, %s", part[1], part[0], walk, format)
                        .isEqualTo(Arrays.copyOfRange(together, part[0] * width,
                                (part[0] + part[1]) * width));
            }
        }
    }

    /** Blocks of threads have fewer rows and buffers there. */
    @ParameterizedTest
    @ValueSource(ints = {163 << 10, 99 << 10})
    void whereSharedMemoryIsShortTheBitsAreTheSame(int bytes) {
        Case one = new Case(new Shape(KvFormat.F32, 2, 1, 256, 0, 0, false,
                new int[][]{{60, 70}}), CudaActivations.F16X2);
        float[] expected = one.attend(0, 10, Walk.WHOLE);
        long before = EmulatedDriver.set("shared", bytes);
        try (CudaDevice small = EmulatedDriver.open()) {
            assertThat(one.attend(small, 0, 10, Walk.WHOLE)).isEqualTo(expected);
        } finally {
            EmulatedDriver.set("shared", before);
        }
    }

    @Test
    void headsThatFitNowhereAreRefused() {
        Case one = new Case(new Shape(KvFormat.F32, 1, 1, 2000, 0, 0, false,
                new int[][]{{0, 1}}), CudaActivations.F16);
        assertThatThrownBy(() -> one.attend(0, 1, Walk.PIECES))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("heads of 2000 elements").hasMessageContaining("F32");
    }

    /** How positions are walked. */
    private enum Walk {
        /** Pieces side by side. */
        PIECES,
        /** One after the other. */
        WHOLE,
        /** In turn by sequence. */
        BOTH
    }

    /** A cache with random keys and values, and queries. */
    private static final class Case {

        private static final float SCALE = 0.3f;

        final Shape shape;
        final CudaActivations activations;
        final HostCache cache;
        final float[] queries;
        final float[] sinks;
        final int[] positions;
        final int[] sequences;

        Case(Shape shape, CudaActivations activations) {
            this.shape = shape;
            this.activations = activations;
            cache = new HostCache(shape.format(), shape.kvHeads(), shape.headSize(),
                    shape.spans().length, shape.context());
            queries = DeviceScope.gaussians(shape.tokens() * shape.width(), 1);
            sinks = DeviceScope.gaussians(shape.heads(), 2);
            positions = new int[shape.tokens()];
            sequences = new int[shape.tokens()];
            int token = 0;
            int kvWidth = shape.kvHeads() * shape.headSize();
            for (int sequence = 0; sequence < shape.spans().length; sequence++) {
                int[] span = shape.spans()[sequence];
                float[] rows = DeviceScope.gaussians(2 * span[1] * kvWidth, 3 + sequence);
                for (int position = 0; position < span[1]; position++) {
                    cache.put(true, sequence, position, rows, 2 * position * kvWidth);
                    cache.put(false, sequence, position, rows, (2 * position + 1) * kvWidth);
                }
                for (int position = span[0]; position < span[1]; position++) {
                    positions[token] = position;
                    sequences[token++] = sequence;
                }
            }
        }

        float[] attend(int first, int count, Walk walk) {
            return attend(device, first, count, walk);
        }

        /** Some of the tokens as one step, with scratch memory for five of them. */
        float[] attend(CudaDevice on, int first, int count, Walk walk) {
            try (DeviceScope scope = new DeviceScope(on)) {
                int width = shape.width();
                int pieces = Math.ceilDiv(shape.context(), CudaKernels.PIECE_TOKENS);
                int[] tiles = new int[2 * count];
                int[] slots = new int[count];
                int[] tally = tile(first, count, walk, tiles, slots);
                long attended = scope.allocate((long) count * width * Float.BYTES);
                PreparedRows out = scope.prepared(count, width, activations);
                int atOnce = Math.min(count, 5);
                AttendStep step = new AttendStep(
                        scope.upload(Arrays.copyOfRange(queries, first * width,
                                (first + count) * width)),
                        scope.upload(Arrays.copyOfRange(positions, first, first + count)),
                        scope.upload(Arrays.copyOfRange(sequences, first, first + count)),
                        scope.upload(slots), scope.upload(tiles),
                        shape.sinks() ? scope.upload(sinks) : 0,
                        scope.allocate(CudaKernels.attentionBytes(atOnce, shape.heads(),
                                shape.headSize(), pieces)),
                        attended, shape.heads(), shape.window(), SCALE, shape.cap());
                new CudaKernels(on).attend(step, cache.upload(scope),
                        new AttendWork(count, tally[0], tally[1], tally[2], pieces, atOnce), out);
                float[] result = scope.floats(attended, count * width);
                float[] restored = scope.restored(out, count, width);
                float[] rounded = RoundedActivations.of(result, width, activations);
                for (int i = 0; i < result.length; i++) {
                    assertThat(restored[i]).isCloseTo(rounded[i], within(2e-6f));
                }
                return result;
            }
        }

        /** Fills tiles and slots. @return tiles of pieces, whole tiles, slots */
        private int[] tile(int first, int count, Walk walk, int[] tiles, int[] slots) {
            int[] tally = new int[3];
            int group = shape.heads() / shape.kvHeads();
            for (int token = 0, most; token < count; token += most) {
                int sequence = sequences[first + token];
                boolean whole = walk == Walk.WHOLE || walk == Walk.BOTH && sequence % 2 == 0;
                most = whole
                        ? CudaAttention.wholeTileTokens(group)
                        : CudaAttention.pieceTileTokens(group);
                int end = token;
                while (end < Math.min(count, token + most)
                        && sequences[first + end] == sequence) {
                    slots[end++] = whole ? -1 : tally[2]++;
                }
                most = end - token;
                int tile = whole ? count - ++tally[1] : tally[0]++;
                tiles[2 * tile] = token;
                tiles[2 * tile + 1] = most;
            }
            return tally;
        }

        /** Both walks have the same bits, which are near what is made of queries in double. */
        void compareWithDefinition(float[] ofQueries, double tolerance) {
            float[] attended = attend(0, shape.tokens(), Walk.PIECES);
            for (int token = 0; token < shape.tokens(); token++) {
                for (int head = 0; head < shape.heads(); head++) {
                    double[] expected = definition(ofQueries, token, head);
                    for (int i = 0; i < shape.headSize(); i++) {
                        assertThat((double) attended[token * shape.width()
                                + head * shape.headSize() + i])
                                .as("element %d of head %d of token %d", i, head, token)
                                .isCloseTo(expected[i], within(tolerance));
                    }
                }
            }
            assertThat(attend(0, shape.tokens(), Walk.WHOLE)).as("one piece after the other")
                    .isEqualTo(attended);
        }

        double[] definition(float[] ofQueries, int token, int head) {
            int size = shape.headSize();
            int kvHead = head / (shape.heads() / shape.kvHeads());
            int end = positions[token] + 1;
            int first = shape.window() == 0 ? 0 : Math.max(0, end - shape.window());
            double[] value = new double[size];
            double sum = shape.sinks() ? Math.exp(sinks[head]) : 0;
            for (int position = first; position < end; position++) {
                double score = 0;
                for (int i = 0; i < size; i++) {
                    score += (double) ofQueries[token * shape.width() + head * size + i]
                            * cache.get(true, sequences[token], position, kvHead, i);
                }
                score *= SCALE;
                if (shape.cap() > 0) {
                    score = shape.cap() * Math.tanh(score / shape.cap());
                }
                double weight = Math.exp(score);
                sum += weight;
                for (int i = 0; i < size; i++) {
                    value[i] += weight * cache.get(false, sequences[token], position, kvHead, i);
                }
            }
            for (int i = 0; i < size; i++) {
                value[i] /= sum;
            }
            return value;
        }
    }
}
