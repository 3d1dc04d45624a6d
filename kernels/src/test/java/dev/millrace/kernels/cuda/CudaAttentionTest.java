package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.CudaKernels.AttendStep;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Attention on the emulated device against its definition in double over what the cache holds. */
class CudaAttentionTest extends OnEmulatedDevice {

    /** How far an element may be from the definition; values are of the order of one. */
    private static final double TOLERANCE = 2e-6;

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
                new Shape(KvFormat.F32, 4, 2, 16, 0, 0, false, ragged),
                new Shape(KvFormat.F16, 4, 1, 64, 0, 0, false, ragged),
                new Shape(KvFormat.Q8_0, 6, 2, 40, 0, 0, false, ragged),
                new Shape(KvFormat.F16, 3, 3, 20, 7, 0, true, ragged),
                new Shape(KvFormat.Q8_0, 8, 1, 128, 250, 0, true, new int[][]{{512, 515}}),
                new Shape(KvFormat.F32, 2, 1, 80, 0, 3, false, new int[][]{{255, 258}}),
                new Shape(KvFormat.F16, 2, 2, 256, 5, 30, true, new int[][]{{30, 36}, {258, 259}}),
                new Shape(KvFormat.F16, 4, 2, 32, 0, 0, true, new int[][]{{0, 37}}));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void isWhatTheDefinitionSays(Shape shape) {
        Case one = new Case(shape);
        float[] attended = one.attend(0, shape.tokens());
        for (int token = 0; token < shape.tokens(); token++) {
            for (int head = 0; head < shape.heads(); head++) {
                double[] expected = one.definition(token, head);
                for (int i = 0; i < shape.headSize(); i++) {
                    assertThat((double) attended[token * shape.width() + head * shape.headSize()
                            + i]).as("element %d of head %d of token %d", i, head, token)
                            .isCloseTo(expected[i], within(TOLERANCE));
                }
            }
        }
    }

    @Test
    void aTokensBitsDependNotOnTheOthersOfItsLaunch() {
        for (KvFormat format : KvFormat.values()) {
            Case one = new Case(new Shape(format, 4, 2, 64, 0, 0, false,
                    new int[][]{{250, 270}, {3, 7}}));
            float[] together = one.attend(0, 24);
            for (int token : new int[]{0, 6, 19, 20, 23}) {
                int width = one.shape.width();
                assertThat(one.attend(token, 1)).as("token %d, %s", token, format).isEqualTo(
                        Arrays.copyOfRange(together, token * width, (token + 1) * width));
            }
        }
    }

    /** A cache with random keys and values, and queries. */
    private static final class Case {

        private static final float SCALE = 0.3f;

        final Shape shape;
        final HostCache cache;
        final float[] queries;
        final float[] sinks;
        final int[] positions;
        final int[] sequences;

        Case(Shape shape) {
            this.shape = shape;
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

        /** Some of the tokens as one step, in launches of at most 16 tokens. */
        float[] attend(int first, int count) {
            try (DeviceScope scope = new DeviceScope(device)) {
                int chunks = Math.ceilDiv(shape.context(), CudaKernels.CHUNK_TOKENS);
                int most = Math.min(count, 16);
                int width = shape.width();
                long attended = scope.allocate((long) count * width * Float.BYTES);
                PreparedRows out = scope.prepared(count, width);
                AttendStep step = new AttendStep(
                        scope.upload(Arrays.copyOfRange(queries, first * width,
                                (first + count) * width)),
                        scope.upload(Arrays.copyOfRange(positions, first, first + count)),
                        scope.upload(Arrays.copyOfRange(sequences, first, first + count)),
                        shape.sinks() ? scope.upload(sinks) : 0,
                        scope.allocate(CudaKernels.attentionBytes(most, shape.heads(),
                                shape.headSize(), chunks)),
                        attended, shape.heads(), shape.window(), SCALE, shape.cap());
                CudaCache uploaded = cache.upload(scope);
                for (int token = 0; token < count; token += most) {
                    kernels.attend(step, uploaded, token, Math.min(most, count - token), chunks,
                            out);
                }
                float[] result = scope.floats(attended, count * width);
                float[] restored = scope.restored(out, count, width);
                for (int i = 0; i < result.length; i++) {
                    assertThat(restored[i]).isCloseTo(result[i], within(2e-6f));
                }
                return result;
            }
        }

        double[] definition(int token, int head) {
            int size = shape.headSize();
            int kvHead = head / (shape.heads() / shape.kvHeads());
            int end = positions[token] + 1;
            int first = shape.window() == 0 ? 0 : Math.max(0, end - shape.window());
            double[] value = new double[size];
            double sum = shape.sinks() ? Math.exp(sinks[head]) : 0;
            for (int position = first; position < end; position++) {
                double score = 0;
                for (int i = 0; i < size; i++) {
                    score += (double) queries[token * shape.width() + head * size + i]
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
