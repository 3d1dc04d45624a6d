package dev.millrace.kernels.cpu;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Every variant has the bits of the twin on the Vector API, whose lanes are as many. */
@ParameterizedClass
@EnumSource
class NativeElementKernelsTest {

    private static final int OFFSET = 3;
    private static final int ELEMENTS = 120;
    private static final int[] COUNTS = {0, 1, 3, 15, 16, 17, 31, 32, 33, 100};

    @Parameter
    NativeVariant variant;

    /** One operation on three arrays of which any may be written to. */
    private interface Operation {
        void run(ElementKernels kernels, int count, float[] x, float[] y, float[] z);
    }

    static Stream<Named<Operation>> operations() {
        return Stream.of(
                Named.of("sumSquares", (k, n, x, y, z) -> k.sumSquares(x, OFFSET, n, y)),
                Named.of("scaleMultiply", (k, n, x, y, z) -> k.scaleMultiply(x, OFFSET, 0.7f,
                        Arrays.copyOf(y, n), z, 5)),
                Named.of("add", (k, n, x, y, z) -> k.add(x, OFFSET, y, 1, n)),
                Named.of("addScaled", (k, n, x, y, z) -> k.addScaled(x, OFFSET, y, 1, -1.3f, n)),
                Named.of("scale", (k, n, x, y, z) -> k.scale(x, OFFSET, 1.7f, n)),
                Named.of("geluArguments", (k, n, x, y, z) -> k.geluArguments(x, OFFSET, n, y)),
                Named.of("clampGate", (k, n, x, y, z) -> k.clampGate(x, y, OFFSET, n)),
                Named.of("divideMultiply",
                        (k, n, x, y, z) -> k.divideMultiply(x, y, z, OFFSET, n)),
                Named.of("rotateHalves", (k, n, x, y, z) -> k.rotateHalves(x, OFFSET, y, z, 2,
                        n / 2)),
                Named.of("rotateAdjacent", (k, n, x, y, z) -> k.rotateAdjacent(x, OFFSET, y, z, 2,
                        n / 2)),
                Named.of("expShifted", (k, n, x, y, z) -> k.expShifted(x, OFFSET, n, 0.5f, 1.1f, y,
                        4)),
                Named.of("expShifted in place", (k, n, x, y, z) -> k.expShifted(x, OFFSET, n, 2,
                        9, x, OFFSET)),
                Named.of("softCap", (k, n, x, y, z) -> k.softCap(x, OFFSET, n, 0.5f, 7)),
                Named.of("exponentiate", (k, n, x, y, z) -> k.exponentiate(x, OFFSET, n, 12, 0.9f,
                        64, y)));
    }

    @ParameterizedTest
    @MethodSource("operations")
    void hasTheBitsOfItsTwin(Operation operation) {
        assertTwins(operation, new float[0]);
    }

    @ParameterizedTest
    @MethodSource("operations")
    void hasThemWhereElementsAreExtremeToo(Operation operation) {
        assertTwins(operation, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e30f,
                -1e30f, 1e-40f, -0f);
    }

    /** The first of equal numbers may be either zero, so maxima are compared as numbers. */
    @ParameterizedTest
    @EnumSource
    void findsTheMaximaOfItsTwin(Extremes extremes) {
        for (int count : COUNTS) {
            float[] x = numbers(count, extremes.values);
            float[] expected = new float[NativeElementKernels.LANES];
            float[] actual = new float[NativeElementKernels.LANES];
            twin().findMaxima(x, OFFSET, count, expected);
            kernels().findMaxima(x, OFFSET, count, actual);
            assertThat(actual).usingComparatorWithPrecision(0f).containsExactly(expected);
        }
    }

    enum Extremes {
        NONE,
        SOME(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY),
        ALL_NAN(Float.NaN);

        private final float[] values;

        Extremes(float... values) {
            this.values = values;
        }
    }

    private void assertTwins(Operation operation, float... extremes) {
        for (int count : COUNTS) {
            float[][] expected = arrays(count, extremes);
            float[][] actual = arrays(count, extremes);
            operation.run(twin(), count, expected[0], expected[1], expected[2]);
            operation.run(kernels(), count, actual[0], actual[1], actual[2]);
            for (int array = 0; array < expected.length; array++) {
                assertThat(bits(actual[array])).as("array %s of %s elements", array, count)
                        .isEqualTo(bits(expected[array]));
            }
        }
    }

    private ElementKernels kernels() {
        KernelChoice.requireVariant(variant);
        return new NativeElementKernels(variant);
    }

    private static ElementKernels twin() {
        int bits = NativeElementKernels.LANES * Float.SIZE;
        assumeTrue(bits <= VectorWidth.preferredBits(), "the twin needs vectors of 512 bits");
        return VectorWidth.specialise(VectorElementKernels.class, ElementKernels.class, bits);
    }

    private static float[][] arrays(int seed, float... extremes) {
        return new float[][]{numbers(seed, extremes), numbers(seed + 1, extremes),
            numbers(seed + 2, extremes)};
    }

    /** About one in five is extreme. */
    private static float[] numbers(int seed, float... extremes) {
        Random random = new Random(seed);
        float[] numbers = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            float ordinary = (float) random.nextGaussian() * 4;
            numbers[i] = extremes.length > 0 && random.nextInt(5) == 0
                    ? extremes[random.nextInt(extremes.length)]
                    : ordinary;
        }
        return numbers;
    }

    /** All NaN are one. */
    private static int[] bits(float[] x) {
        int[] bits = new int[x.length];
        for (int i = 0; i < x.length; i++) {
            bits[i] = Float.floatToIntBits(x[i]);
        }
        return bits;
    }
}
