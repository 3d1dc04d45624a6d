package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.CudaKernels.StoreStep;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Norms and rotations of queries and keys, and what comes to lie in the cache. */
class CudaStoreTest extends OnEmulatedDevice {

    private static final double TOLERANCE = 1e-5;
    private static final float EPSILON = 1e-5f;
    private static final int[] POSITIONS = {31, 32, 5};
    private static final int[] SEQUENCES = {0, 0, 1};
    private static final int CONTEXT = 40;

    /** @param normed 0 for no norm, 1 for one of each head, 2 for one of all heads together */
    record Shape(KvFormat format, int heads, int kvHeads, int headSize, int pairs,
            boolean adjacent, int normed) {

        int run(int count) {
            return normed == 1 ? headSize : count * headSize;
        }
    }

    static List<Shape> shapes() {
        return List.of(
                new Shape(KvFormat.F32, 4, 2, 16, 8, false, 0),
                new Shape(KvFormat.F32, 3, 1, 40, 10, true, 1),
                new Shape(KvFormat.F16, 6, 2, 20, 0, false, 2),
                new Shape(KvFormat.F16, 2, 2, 256, 128, false, 1),
                new Shape(KvFormat.Q8_0, 4, 2, 80, 40, true, 2),
                new Shape(KvFormat.Q8_0, 2, 1, 128, 64, false, 0));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void normsRotatesAndStores(Shape shape) {
        int querySize = shape.heads() * shape.headSize();
        int keySize = shape.kvHeads() * shape.headSize();
        float[] queries = DeviceScope.gaussians(3 * querySize, 1);
        float[] keys = DeviceScope.gaussians(3 * keySize, 2);
        float[] values = DeviceScope.gaussians(3 * keySize, 3);
        float[] queryNorm = DeviceScope.gaussians(querySize, 4);
        float[] keyNorm = DeviceScope.gaussians(keySize, 5);
        float[] cosines = DeviceScope.gaussians(CONTEXT * shape.pairs(), 6);
        float[] sines = DeviceScope.gaussians(CONTEXT * shape.pairs(), 7);
        HostCache cache = new HostCache(shape.format(), shape.kvHeads(), shape.headSize(), 2,
                CONTEXT);
        byte[] before = cache.bytes.array().clone();
        float[] stored;
        try (DeviceScope scope = new DeviceScope(device)) {
            long query = scope.upload(queries);
            CudaCache uploaded = cache.upload(scope);
            kernels.store(new StoreStep(query, scope.upload(keys), scope.upload(values),
                    shape.normed() > 0 ? scope.upload(queryNorm) : 0,
                    shape.normed() > 0 ? scope.upload(keyNorm) : 0,
                    shape.pairs() > 0 ? scope.upload(cosines) : 0,
                    shape.pairs() > 0 ? scope.upload(sines) : 0, scope.upload(POSITIONS),
                    scope.upload(SEQUENCES), shape.heads(), shape.pairs(), shape.adjacent(),
                    shape.run(shape.heads()), shape.run(shape.kvHeads()), EPSILON), uploaded, 3);
            stored = scope.floats(query, queries.length);
            cache.download(scope, uploaded);
        }
        HostCache expected = new HostCache(shape.format(), shape.kvHeads(), shape.headSize(), 2,
                CONTEXT);
        for (int token = 0; token < 3; token++) {
            double[] query = turned(shape, queries, token, shape.heads(), queryNorm, cosines,
                    sines);
            for (int i = 0; i < querySize; i++) {
                assertThat((double) stored[token * querySize + i]).as("query %d", i)
                        .isCloseTo(query[i], within(TOLERANCE));
            }
            double[] key = turned(shape, keys, token, shape.kvHeads(), keyNorm, cosines, sines);
            float[] rounded = new float[keySize];
            for (int i = 0; i < keySize; i++) {
                rounded[i] = (float) key[i];
            }
            expected.put(true, SEQUENCES[token], POSITIONS[token], rounded, 0);
            expected.put(false, SEQUENCES[token], POSITIONS[token], values, token * keySize);
        }
        assertSame(shape, cache, expected, before);
    }

    /** Elements agree but for a last bit, and bytes of nobody's are as they were. */
    private static void assertSame(Shape shape, HostCache actual, HostCache expected,
            byte[] before) {
        double step = shape.format() == KvFormat.F32
                ? TOLERANCE
                : shape.format() == KvFormat.F16 ? 1e-2 : 0.1;
        int differences = 0;
        for (int token = 0; token < 3; token++) {
            for (int head = 0; head < shape.kvHeads(); head++) {
                for (int i = 0; i < 2 * shape.headSize(); i++) {
                    boolean key = i < shape.headSize();
                    double there = expected.get(key, SEQUENCES[token], POSITIONS[token], head,
                            i % shape.headSize());
                    double here = actual.get(key, SEQUENCES[token], POSITIONS[token], head,
                            i % shape.headSize());
                    assertThat(here).isCloseTo(there, within(step));
                    differences += Math.abs(here - there) > TOLERANCE ? 1 : 0;
                }
            }
        }
        // What lies between two codes may go either way, once in a long while.
        assertThat(differences).isLessThanOrEqualTo(6 * shape.kvHeads() * shape.headSize() / 50);
        int touched = 0;
        for (int i = 0; i < before.length; i++) {
            if (expected.bytes.get(i) == before[i]) {
                touched += actual.bytes.get(i) == before[i] ? 0 : 1;
            }
        }
        assertThat(touched).as("bytes beside the stored ones")
                .isLessThanOrEqualTo(differences + 2 * shape.kvHeads() * 3 * shape.headSize() / 50);
    }

    /** A token's heads after norm and rotation. */
    private static double[] turned(Shape shape, float[] rows, int token, int count, float[] norm,
            float[] cosines, float[] sines) {
        int size = shape.headSize();
        double[] heads = new double[count * size];
        int run = shape.run(count);
        for (int first = 0; first < heads.length; first += run) {
            double squares = 0;
            for (int i = first; i < first + run; i++) {
                heads[i] = rows[token * heads.length + i];
                squares += heads[i] * heads[i];
            }
            for (int i = first; shape.normed() > 0 && i < first + run; i++) {
                heads[i] *= norm[i - first] / Math.sqrt(squares / run + EPSILON);
            }
        }
        for (int head = 0; head < count; head++) {
            for (int pair = 0; pair < shape.pairs(); pair++) {
                int x = head * size + (shape.adjacent() ? 2 * pair : pair);
                int y = shape.adjacent() ? x + 1 : x + shape.pairs();
                double cosine = cosines[POSITIONS[token] * shape.pairs() + pair];
                double sine = sines[POSITIONS[token] * shape.pairs() + pair];
                double oldX = heads[x];
                heads[x] = oldX * cosine - heads[y] * sine;
                heads[y] = oldX * sine + heads[y] * cosine;
            }
        }
        return heads;
    }

    @Test
    void whatIsNoNumberStaysNoNumberInBytes() {
        float[] row = DeviceScope.gaussians(64, 1);
        float[] spoiled = row.clone();
        spoiled[40] = Float.POSITIVE_INFINITY;
        HostCache cache = new HostCache(KvFormat.Q8_0, 1, 64, 2, CONTEXT);
        try (DeviceScope scope = new DeviceScope(device)) {
            CudaCache uploaded = cache.upload(scope);
            kernels.store(new StoreStep(scope.upload(row), scope.upload(spoiled),
                    scope.upload(spoiled), 0, 0, 0, 0, scope.upload(9), scope.upload(0), 1, 0,
                    false, 64, 64, EPSILON), uploaded, 1);
            cache.download(scope, uploaded);
        }
        assertThat(cache.get(true, 0, 9, 0, 3)).isCloseTo(row[3], within(0.02f));
        assertThat(cache.get(true, 0, 9, 0, 63)).isNaN();
        assertThat(cache.get(false, 0, 9, 0, 3)).isNaN();
    }
}
