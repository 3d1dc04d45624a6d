package dev.millrace.kernels.cuda;

import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.HeadNormKernels.Heads;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** What devices do with the parts of others, held to its definition. */
class ShardKernelsTest extends OnEmulatedDevice {

    private static final int TOKENS = 3;
    private static final int PARTS = 3;
    private static final float EPSILON = 1e-5f;

    @Test
    void partsOfABranchAreAddedInTheirOrder() {
        int width = 70;
        float[] parts = DeviceScope.gaussians(PARTS * TOKENS * width, 1);
        float[] norm = DeviceScope.gaussians(width, 2);
        try (DeviceScope scope = new DeviceScope(device)) {
            float[] stream = new float[TOKENS * width];
            long whole = scope.upload(stream);
            long normed = scope.upload(stream);
            long branch = scope.upload(parts);
            kernels.add(new Between(whole, branch, PARTS, 1, 0, 0, EPSILON, width), TOKENS);
            kernels.add(new Between(normed, branch, PARTS, 1, scope.upload(norm), 0, EPSILON,
                    width), TOKENS);

            float[] sums = scope.floats(whole, stream.length);
            for (int i = 0; i < sums.length; i++) {
                assertThat(sums[i]).isEqualTo(parts[i] + parts[stream.length + i]
                        + parts[2 * stream.length + i]);
            }
            assertNormed(scope.floats(normed, stream.length), sums, width, norm, 1);
        }
    }

    /** As if one device had all heads: the others' squares are those of the same. */
    @Test
    void headsAreNormedWithThoseOfAllDevices() {
        int querySize = 90;
        int keySize = 34;
        float[] query = DeviceScope.gaussians(TOKENS * querySize, 3);
        float[] key = DeviceScope.gaussians(TOKENS * keySize, 4);
        float[] queryNorm = DeviceScope.gaussians(querySize, 5);
        float[] keyNorm = DeviceScope.gaussians(keySize, 6);
        try (DeviceScope scope = new DeviceScope(device)) {
            Heads heads = new Heads(scope.upload(query), scope.upload(key),
                    scope.upload(queryNorm), scope.upload(keyNorm), querySize, keySize);
            long sums = scope.allocate(2L * TOKENS * Float.BYTES);
            HeadNormKernels kernels = new HeadNormKernels(device);
            kernels.squares(heads, sums, TOKENS);
            float[] own = scope.floats(sums, 2 * TOKENS);
            float[] all = Arrays.copyOf(own, 2 * own.length);
            System.arraycopy(own, 0, all, own.length, own.length);
            kernels.norm(heads, scope.upload(all), 2, 2 * querySize, 2 * keySize, EPSILON, TOKENS);

            assertNormed(scope.floats(heads.query(), query.length), query, querySize, queryNorm,
                    2);
            assertNormed(scope.floats(heads.key(), key.length), key, keySize, keyNorm, 2);
        }
    }

    /** @param times that the same squares were counted, and the same elements */
    private static void assertNormed(float[] actual, float[] values, int width, float[] norm,
            int times) {
        for (int row = 0; row < TOKENS; row++) {
            double squares = 0;
            for (int i = 0; i < width; i++) {
                squares += times * (double) values[row * width + i] * values[row * width + i];
            }
            double share = 1 / Math.sqrt(squares / (times * width) + EPSILON);
            for (int i = 0; i < width; i++) {
                int at = row * width + i;
                assertThat((double) actual[at]).isCloseTo(values[at] * share * norm[i],
                        within(1e-5));
            }
        }
    }
}
