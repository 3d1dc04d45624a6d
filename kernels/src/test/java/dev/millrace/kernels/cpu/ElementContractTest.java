package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/** Operations on vectors of activations, at lengths around every width of register. */
@ParameterizedClass
@EnumSource
class ElementContractTest {

    private static final int OFFSET = 3;
    private static final float UNTOUCHED = 77;

    @Parameter
    KernelChoice choice;

    private CpuKernels kernels;

    @BeforeEach
    void open() {
        kernels = choice.open();
    }

    private static float[] padded(float[] values) {
        float[] padded = new float[values.length + 2 * OFFSET];
        Arrays.fill(padded, UNTOUCHED);
        System.arraycopy(values, 0, padded, OFFSET, values.length);
        return padded;
    }

    private static void assertPaddingUntouched(float[] padded) {
        for (int i = 0; i < OFFSET; i++) {
            assertThat(padded[i]).isEqualTo(UNTOUCHED);
            assertThat(padded[padded.length - 1 - i]).isEqualTo(UNTOUCHED);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 15, 16, 17, 64, 288, 2049})
    void normalisesByTheRootMeanSquare(int count) {
        float[] x = RandomTensors.gaussians(count, 1);
        float[] weight = RandomTensors.gaussians(count, 2);
        float[] out = padded(new float[count]);

        kernels.rmsNorm(padded(x), OFFSET, weight, 1e-5f, out, OFFSET);

        double squares = 0;
        for (float value : x) {
            squares += (double) value * value;
        }
        double root = Math.sqrt(squares / count + 1e-5f);
        for (int i = 0; i < count; i++) {
            double expected = x[i] / root * weight[i];
            assertThat((double) out[OFFSET + i]).isCloseTo(expected,
                    within(1e-6 * Math.abs(expected)));
        }
        assertPaddingUntouched(out);
    }

    @Test
    void normalisesZerosToZeros() {
        float[] out = new float[20];
        kernels.rmsNorm(new float[20], 0, RandomTensors.gaussians(20, 1), 1e-6f, out, 0);
        for (float value : out) {
            assertThat(value).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 15, 16, 17, 100})
    void adds(int count) {
        float[] x = RandomTensors.gaussians(count, 3);
        float[] y = RandomTensors.gaussians(count, 4);
        float[] sum = padded(x);

        kernels.add(sum, OFFSET, padded(y), OFFSET, count);

        for (int i = 0; i < count; i++) {
            assertThat(sum[OFFSET + i]).isEqualTo(x[i] + y[i]);
        }
        assertPaddingUntouched(sum);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 15, 16, 17, 100})
    void addsMultiplesAndScales(int count) {
        float[] x = RandomTensors.gaussians(count, 3);
        float[] y = RandomTensors.gaussians(count, 4);
        float[] sum = padded(x);
        float[] scaled = padded(x);

        kernels.addScaled(sum, OFFSET, padded(y), OFFSET, 0.3f, count);
        kernels.scale(scaled, OFFSET, 0.3f, count);

        for (int i = 0; i < count; i++) {
            assertThat(sum[OFFSET + i]).isEqualTo(Math.fma(0.3f, y[i], x[i]));
            assertThat(scaled[OFFSET + i]).isEqualTo(0.3f * x[i]);
        }
        assertPaddingUntouched(sum);
        assertPaddingUntouched(scaled);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 172, 1000})
    void capsSoftly(int count) {
        float[] x = RandomTensors.gaussians(count, 5);
        for (int i = 0; i < count; i++) {
            x[i] *= 40;
        }
        float[] capped = padded(x);

        kernels.softCap(capped, OFFSET, 30, count);

        for (int i = 0; i < count; i++) {
            assertThat((double) capped[OFFSET + i]).isCloseTo(30 * Math.tanh(x[i] / 30.0),
                    within(1e-5));
        }
        assertPaddingUntouched(capped);
    }

    @Test
    void capsExtremesAtTheirLimit() {
        float[] x = {Float.MAX_VALUE, -Float.MAX_VALUE, Float.POSITIVE_INFINITY, Float.NaN, 0};
        kernels.softCap(x, 0, 50, x.length);
        assertThat(x[0]).isEqualTo(50);
        assertThat(x[1]).isEqualTo(-50);
        assertThat(x[2]).isEqualTo(50);
        assertThat(x[3]).isNaN();
        assertThat(x[4]).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 172, 1000})
    void gates(int count) {
        for (GateFunction function : GateFunction.values()) {
            float[] gate = RandomTensors.gaussians(count, 5);
            float[] up = RandomTensors.gaussians(count, 6);
            for (int i = 0; i < count; i++) {
                gate[i] *= 6;
                up[i] *= 5;
            }
            float[] result = padded(gate);

            kernels.gate(function, result, padded(up), OFFSET, count);

            for (int i = 0; i < count; i++) {
                double expected = gated(function, gate[i], up[i]);
                assertThat((double) result[OFFSET + i]).as("%s of %s and %s", function, gate[i],
                        up[i]).isCloseTo(expected, within(2e-5 * Math.abs(expected) + 1e-6));
            }
            assertPaddingUntouched(result);
        }
    }

    /** As the families' published code has it. */
    private static double gated(GateFunction function, double gate, double up) {
        return switch (function) {
            case SILU -> gate / (1 + Math.exp(-gate)) * up;
            case GELU_TANH -> 0.5 * gate * (1 + Math.tanh(Math.sqrt(2 / Math.PI)
                    * (gate + 0.044715 * gate * gate * gate))) * up;
            case CLAMPED_SILU -> {
                double g = Math.min(gate, 7);
                yield g / (1 + Math.exp(-1.702 * g)) * (Math.clamp(up, -7.0, 7.0) + 1);
            }
        };
    }

    @ParameterizedTest
    @EnumSource
    void gatesOfExtremesAreTheirLimits(GateFunction function) {
        float[] gate = {-1e6f, 0, Float.NaN, -87, -100, 1e6f, Float.MAX_VALUE};
        float[] up = {1, 1, 1, 1, 1, 1, 1};
        kernels.gate(function, gate, up, 0, gate.length);
        assertThat(gate[0]).isCloseTo(0, within(1e-30f));
        assertThat(gate[1]).isZero();
        assertThat(gate[2]).isNaN();
        assertThat(gate[3]).isCloseTo(0, within(1e-30f));
        assertThat(gate[4]).isCloseTo(0, within(1e-30f));
        boolean clamped = function == GateFunction.CLAMPED_SILU;
        assertThat(gate[5]).isCloseTo(clamped ? 14 : 1e6f, within(1e-3f));
        assertThat(gate[6]).isCloseTo(clamped ? 14 : Float.MAX_VALUE, within(1e-3f));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 17, 384})
    void normalisesByMeanAndVariance(int count) {
        float[] x = RandomTensors.gaussians(count, 1);
        float[] weight = RandomTensors.gaussians(count, 2);
        float[] bias = RandomTensors.gaussians(count, 3);
        float[] out = padded(x);

        kernels.layerNorm(out, OFFSET, weight, bias, 1e-5f);

        double mean = 0;
        for (float value : x) {
            mean += (double) value / count;
        }
        double variance = 0;
        for (float value : x) {
            variance += (value - mean) * (value - mean) / count;
        }
        for (int i = 0; i < count; i++) {
            double expected = (x[i] - mean) / Math.sqrt(variance + 1e-5) * weight[i] + bias[i];
            assertThat(out[OFFSET + i]).isCloseTo((float) expected, within(1e-5f));
        }
        assertPaddingUntouched(out);
    }

    /** The reference integrates the bell curve; the function's tails are zero and x itself. */
    @Test
    void appliesTheGeluOfTheErrorFunction() {
        int count = 1601;
        float[] x = new float[count];
        double[] expected = new double[count];
        double share = 0; // of the normal distribution below -8 + i / 100
        for (int i = 0; i < count; i++) {
            x[i] = i / 100f - 8;
            expected[i] = x[i] * share;
            for (int part = 0; part < 100; part++) {
                double at = i / 100.0 - 8 + (part + 0.5) / 10_000;
                share += Math.exp(-at * at / 2) / Math.sqrt(2 * Math.PI) / 10_000;
            }
        }
        float[] out = padded(x);

        kernels.gelu(out, OFFSET, count, new float[count]);

        for (int i = 0; i < count; i++) {
            assertThat(out[OFFSET + i]).as("at %s", x[i])
                    .isCloseTo((float) expected[i], within(3e-7f * Math.max(1, Math.abs(x[i]))));
        }
        assertPaddingUntouched(out);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 4, 8, 16, 24, 40, 64})
    void rotatesAdjacentPairsAndHalves(int pairs) {
        float[] x = RandomTensors.gaussians(2 * pairs, 7);
        float[] cosines = new float[pairs];
        float[] sines = new float[pairs];
        for (int i = 0; i < pairs; i++) {
            cosines[i] = (float) Math.cos(i + 0.5);
            sines[i] = (float) Math.sin(i + 0.5);
        }
        for (boolean adjacent : new boolean[]{true, false}) {
            float[] turned = padded(x);
            kernels.rotate(turned, OFFSET, padded(cosines), padded(sines), OFFSET, pairs,
                    adjacent);
            for (int i = 0; i < pairs; i++) {
                int first = adjacent ? 2 * i : i;
                int second = adjacent ? first + 1 : i + pairs;
                assertThat(turned[OFFSET + first])
                        .isCloseTo(x[first] * cosines[i] - x[second] * sines[i], within(1e-6f));
                assertThat(turned[OFFSET + second])
                        .isCloseTo(x[first] * sines[i] + x[second] * cosines[i], within(1e-6f));
            }
            assertPaddingUntouched(turned);
        }
    }

    @Test
    void findsTheFirstOfTheLargest() {
        for (int count : new int[]{1, 5, 16, 17, 40, 1000}) {
            for (int best = 0; best < count; best += 7) {
                float[] x = padded(RandomTensors.gaussians(count, best));
                x[OFFSET + best] = 50;
                x[OFFSET + count - 1] = 50;
                assertThat(kernels.argmax(x, OFFSET, count)).isEqualTo(best);
            }
        }
    }

    @Test
    void neverPicksNaN() {
        float[] x = RandomTensors.gaussians(37, 1);
        x[0] = Float.NaN;
        x[20] = Float.NaN;
        x[36] = Float.NaN;
        x[29] = 9;
        assertThat(kernels.argmax(x, 0, 37)).isEqualTo(29);
        assertThat(kernels.argmax(new float[]{Float.NaN, -3, Float.NaN}, 0, 3)).isEqualTo(1);
        assertThat(kernels.argmax(new float[]{Float.NEGATIVE_INFINITY, Float.NaN}, 0, 2))
                .isZero();
    }

    @Test
    void exponentiatesWithinTwoUnitsInTheLastPlace() {
        int count = 20_001;
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = 5 - i * 0.00435f;
        }
        float[] out = new float[count];
        double sum = kernels.expShifted(x, 0, count, 5, 1, out, 0);
        double written = 0;
        for (int i = 0; i < count; i++) {
            double exact = Math.exp(x[i] - 5f);
            assertThat((double) out[i]).as("exp(%s)", x[i] - 5f).isCloseTo(exact,
                    within(2.0 * Math.ulp((float) exact)));
            written += out[i];
        }
        assertThat(sum).isCloseTo(written, within(1e-12 * written));
        assertThat(out[0]).isEqualTo(1);
    }

    @Test
    void exponentiatesExtremes() {
        float[] x = {3, Float.NEGATIVE_INFINITY, -1e30f, -200, Float.NaN};
        float[] out = new float[5];
        kernels.expShifted(x, 0, 5, 3, 0.5f, out, 0);
        assertThat(out[0]).isEqualTo(1);
        assertThat(out[1]).isZero();
        assertThat(out[2]).isZero();
        assertThat(out[3]).isCloseTo(0, within(Float.MIN_NORMAL));
        assertThat(out[4]).isNaN();
    }

    @Test
    void anElementHasTheSameBitsWhereverItLies() {
        float[] x = RandomTensors.gaussians(70, 9);
        float[] whole = new float[70];
        kernels.expShifted(x, 0, 70, 2, 1, whole, 0);
        for (int first = 0; first < 70; first++) {
            float[] part = new float[70 - first];
            kernels.expShifted(x, first, 70 - first, 2, 1, part, 0);
            assertThat(part).isEqualTo(Arrays.copyOfRange(whole, first, 70));
        }
    }
}
