package dev.millrace.kernels.cuda;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Residual additions, norms, gates and the ends of logits on the emulated device, in double. */
class CudaRowsTest extends OnEmulatedDevice {

    private static final double TOLERANCE = 3e-6;
    private static final float EPSILON = 1e-5f;
    private static final int ROWS = 3;

    @ParameterizedTest
    @ValueSource(ints = {1, 31, 128, 257, 600, 6004})
    void addsNormsAndPrepares(int width) {
        float[] stream = DeviceScope.gaussians(ROWS * width, 1);
        float[] branch = DeviceScope.gaussians(ROWS * width, 2);
        float[] branchNorm = DeviceScope.gaussians(width, 3);
        float[] norm = DeviceScope.gaussians(width, 4);
        for (int switches = 0; switches < 8; switches++) {
            boolean adds = (switches & 1) > 0;
            boolean normsBranch = adds && (switches & 2) > 0;
            boolean norms = (switches & 4) > 0;
            try (DeviceScope scope = new DeviceScope(device)) {
                long hidden = scope.upload(stream);
                PreparedRows out = scope.prepared(ROWS, width);
                kernels.addAndNorm(new Between(hidden, adds ? scope.upload(branch) : 0, 0.5f,
                        normsBranch ? scope.upload(branchNorm) : 0,
                        norms ? scope.upload(norm) : 0, EPSILON, width), ROWS, out);

                double[] sums = new double[ROWS * width];
                double[] added = normsBranch ? normed(branch, branchNorm) : doubles(branch);
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = stream[i] + (adds ? 0.5 * added[i] : 0);
                }
                assertClose(scope.floats(hidden, sums.length), sums);
                assertClose(scope.restored(out, ROWS, width), norms ? normed(sums, norm) : sums);
            }
        }
    }

    @Test
    void roundsToOneHalfAsTheDefinitionDoes() {
        int width = 257;
        float[] x = DeviceScope.gaussians(ROWS * width, 5);
        Arrays.fill(x, width, 2 * width, 0);
        x[2 * width + 3] = 3e20f; // beside which its neighbours are nearly nothing
        try (DeviceScope scope = new DeviceScope(device)) {
            PreparedRows out = scope.prepared(ROWS, width, CudaActivations.F16);
            kernels.addAndNorm(new Between(scope.upload(x), 0, 1, 0, 0, EPSILON, width), ROWS,
                    out);

            assertThat(scope.restored(out, ROWS, width))
                    .isEqualTo(RoundedActivations.of(x, width, CudaActivations.F16));
        }
    }

    @Test
    void preparesTheRowsThatAreWanted() {
        int width = 70;
        float[] stream = DeviceScope.gaussians(5 * width, 1);
        float[] norm = DeviceScope.gaussians(width, 2);
        try (DeviceScope scope = new DeviceScope(device)) {
            long hidden = scope.upload(stream);
            long plain = scope.allocate(2L * width * Float.BYTES);
            PreparedRows out = scope.prepared(2, width);
            kernels.normSome(new Between(hidden, 0, 1, 0, scope.upload(norm), EPSILON, width),
                    scope.upload(4, 1), 2, plain, out);

            float[] chosen = new float[2 * width];
            System.arraycopy(stream, 4 * width, chosen, 0, width);
            System.arraycopy(stream, width, chosen, width, width);
            double[] expected = normed(doubles(chosen), norm);
            assertClose(scope.floats(plain, 2 * width), expected);
            assertClose(scope.restored(out, 2, width), expected);
            assertThat(scope.floats(hidden, stream.length)).isEqualTo(stream);
        }
    }

    @ParameterizedTest
    @EnumSource
    void gates(GateFunction function) {
        gates(function, 300);
    }

    /** Several blocks of threads have a row's columns then, and whichever is last prepares it. */
    @ParameterizedTest
    @ValueSource(ints = {4097, 7000})
    void gatesWideRowsInAnyOrderOfBlocks(int width) {
        float[] values = gates(GateFunction.SILU, width);
        for (int order = 1; order < 4; order++) {
            long before = EmulatedDriver.set("blocks", order);
            try {
                assertThat(gates(GateFunction.SILU, width)).isEqualTo(values);
            } finally {
                EmulatedDriver.set("blocks", before);
            }
        }
    }

    private float[] gates(GateFunction function, int width) {
        float[] gate = DeviceScope.gaussians(ROWS * width, 1);
        float[] up = DeviceScope.gaussians(ROWS * width, 2);
        gate[0] = 9; // beyond the clamps
        up[1] = -8;
        gate[2] = -40;
        up[3] = 100;
        gate[2 * width + 5] = Float.NaN;
        try (DeviceScope scope = new DeviceScope(device)) {
            PreparedRows out = scope.prepared(ROWS, width);
            long arrivals = scope.upload(new int[2 * ROWS]);
            long ups = scope.upload(up);
            kernels.gate(function, scope.upload(gate), ups, ROWS, width, arrivals, out);
            float[] values = scope.restored(out, ROWS, width);
            assertThat(scope.ints(arrivals, 2 * ROWS)).containsOnly(0);
            for (int i = 0; i < values.length; i++) {
                double expected = gated(function, gate[i], up[i]);
                if (Double.isNaN(expected)) {
                    assertThat(values[i]).isNaN();
                } else {
                    double largest = i < width ? 900 : 10; // a row's largest tells what is kept
                    assertThat((double) values[i]).as("element %d", i)
                            .isCloseTo(expected, within(largest * 1e-6));
                }
            }
            kernels.gate(function, scope.upload(gate), ups, ROWS, width, 0, out);
            assertThat(scope.restored(out, ROWS, width)).as("by one block per row")
                    .isEqualTo(values);
            return values;
        }
    }

    private static double gated(GateFunction function, double gate, double up) {
        return switch (function) {
            case SILU -> gate / (1 + Math.exp(-gate)) * up;
            case GELU_TANH -> 0.5 * gate * (1 + Math.tanh(Math.sqrt(2 / Math.PI)
                    * (gate + 0.044715 * gate * gate * gate))) * up;
            case CLAMPED_SILU -> {
                double g = Math.min(gate, GateFunction.CLAMP);
                yield g / (1 + Math.exp(-GateFunction.CLAMPED_SLOPE * g))
                        * (Math.clamp(up, -GateFunction.CLAMP, GateFunction.CLAMP) + 1);
            }
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {1001, 5000})
    void finishesLogitsAndFindsTheFirstOfTheLargest(int vocabulary) {
        float[] logits = DeviceScope.gaussians(4 * vocabulary, 1);
        logits[700] = 20;
        logits[300] = 20;
        logits[vocabulary + 1000] = 30;
        logits[2 * vocabulary + 5] = Float.NaN;
        logits[2 * vocabulary + 6] = 9;
        Arrays.fill(logits, 3 * vocabulary, 4 * vocabulary, Float.NEGATIVE_INFINITY);
        double[] expected = new double[2 * vocabulary];
        for (int i = 0; i < expected.length; i++) {
            expected[i] = 15 * Math.tanh(logits[i] * 0.5 / 15);
        }
        for (int order = 0; order < 4; order++) {
            long before = EmulatedDriver.set("blocks", order);
            try (DeviceScope scope = new DeviceScope(device)) {
                long address = scope.upload(logits);
                long best = scope.allocate(8 * Integer.BYTES);
                long arrivals = scope.upload(new byte[(int) CudaKernels.logitArrivalBytes(4)]);
                kernels.finishLogits(address, best, arrivals, 4, vocabulary, 0.5f, 15);

                assertClose(Arrays.copyOf(scope.floats(address, logits.length), expected.length),
                        expected);
                int[] found = scope.ints(best, 8);
                assertThat(found[0]).isEqualTo(300);
                assertThat(found[1]).isEqualTo(1);
                assertThat(found[2]).isEqualTo(1000);
                assertThat(found[3]).isEqualTo(1);
                assertThat(found[5]).as("a row with a NaN").isZero();
                assertThat(scope.ints(arrivals, 16)).containsOnly(0);
            } finally {
                EmulatedDriver.set("blocks", before);
            }
        }
    }

    private static double[] doubles(float[] values) {
        double[] result = new double[values.length];
        Arrays.setAll(result, i -> values[i]);
        return result;
    }

    private static double[] normed(float[] rows, float[] weight) {
        return normed(doubles(rows), weight);
    }

    private static double[] normed(double[] rows, float[] weight) {
        double[] result = new double[rows.length];
        for (int first = 0; first < rows.length; first += weight.length) {
            double squares = 0;
            for (int i = 0; i < weight.length; i++) {
                squares += rows[first + i] * rows[first + i];
            }
            for (int i = 0; i < weight.length; i++) {
                result[first + i] = rows[first + i] * weight[i]
                        / Math.sqrt(squares / weight.length + EPSILON);
            }
        }
        return result;
    }

    private static void assertClose(float[] actual, double[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; i++) {
            assertThat((double) actual[i]).as("element %d", i).isCloseTo(expected[i],
                    within(TOLERANCE * Math.max(1, Math.abs(expected[i]))));
        }
    }
}
