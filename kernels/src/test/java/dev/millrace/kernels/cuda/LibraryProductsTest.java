package dev.millrace.kernels.cuda;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.CudaProduct.Part;
import dev.millrace.kernels.cuda.cublaslt.CublasLt;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Products by the stand-in for cuBLASLt on the emulated device, against sums in double. */
class LibraryProductsTest extends OnEmulatedDevice {

    private static final int ROWS = 37;
    private static final int TOKENS = 5;
    /** Of the sum of magnitudes: weights are those rounded to halves, but for ties. */
    private static final double TOLERANCE = 5e-6;
    private static final double HALF_WEIGHTS = 0x1p-12;

    @AfterEach
    void libraryAsUsual() {
        StandInCublasLt.set("refuses", 0);
        StandInCublasLt.set("fails", 0);
    }

    /** One matrix, the kernels' answer beside the library's. */
    private static final class Product implements AutoCloseable {

        final DeviceScope scope = new DeviceScope(device);
        final CudaKernels own = new CudaKernels(device);
        final CudaKernels library = new CudaKernels(device);
        final PreparedRows x;
        final CudaProduct product;
        final List<Part> parts;

        Product(List<QuantTensor> matrices, float[] activations, float[] bias, int leastTokens,
                boolean copies) {
            int columns = (int) matrices.getFirst().shape().columns();
            int tokens = activations.length / columns;
            x = scope.prepared(tokens, columns);
            parts = matrices.stream().map(each -> new Part(scope.matrix(each, pool),
                    bias == null ? 0 : scope.upload(bias),
                    scope.allocate(tokens * each.shape().rows() * Float.BYTES))).toList();
            product = scope.product(parts);
            LibraryMemory memory = new LibraryMemory(
                    matrices.stream().map(QuantTensor::shape).toList(), tokens,
                    CudaActivations.F16X2, copies);
            LibraryProducts products = new LibraryProducts(device, CublasLt.load(), memory,
                    scope.allocate(memory.bytes()), leastTokens);
            MemorySegment staging = device.pin(256);
            products.take(product, staging);
            device.unpin(staging);
            library.multiplyBy(products);
            own.addAndNorm(new Between(scope.upload(activations), 0, 1, 0, 0, 0, columns), tokens,
                    x);
        }

        float[] run(CudaKernels kernels, int part, int tokens) {
            kernels.multiply(product, x, tokens);
            return scope.floats(parts.get(part).out(),
                    tokens * parts.get(part).matrix().rows());
        }

        @Override
        public void close() {
            scope.close();
        }
    }

    private static QuantTensor weights(QuantFormat format, int rows, int columns) {
        return RandomWeights.tensor(Arena.ofAuto(), format, TensorShape.matrix(rows, columns), 0.7f,
                5);
    }

    private static int columns(QuantFormat format) {
        return format.blockElements() == 1 ? 200 : 3 * format.blockElements() + 512;
    }

    private static double half(double value, double largest) {
        float factor = Math.scalb(1f, 14 - Math.getExponent(largest));
        return Float.float16ToFloat(Float.floatToFloat16((float) value * factor)) / factor;
    }

    @ParameterizedTest
    @EnumSource
    void everyFormatMultipliesAsItsWeightsRoundedToHalves(QuantFormat format) {
        int columns = columns(format);
        QuantTensor weights = weights(format, ROWS, columns);
        float[] x = DeviceScope.gaussians(TOKENS * columns, 1);
        float[] bias = DeviceScope.gaussians(ROWS, 2);
        float[] matrix = new float[ROWS * columns];
        new Dequantizer(format).dequantize(weights, 0, matrix.length, matrix, 0);
        double largest = 0;
        for (float each : matrix) {
            largest = Math.max(largest, Math.abs(each));
        }
        try (Product product = new Product(List.of(weights), x, bias, 1, false)) {
            float[] y = product.run(product.library, 0, TOKENS);
            float[] own = product.run(product.own, 0, TOKENS);
            for (int i = 0; i < TOKENS * ROWS; i++) {
                double sum = bias[i % ROWS];
                double magnitude = Math.abs(sum);
                for (int k = 0; k < columns; k++) {
                    double one = x[i / ROWS * columns + k]
                            * half(matrix[i % ROWS * columns + k], largest);
                    sum += one;
                    magnitude += Math.abs(one);
                }
                assertThat((double) y[i]).as("row %d of token %d", i % ROWS, i / ROWS)
                        .isCloseTo(sum, within(TOLERANCE * magnitude))
                        .isCloseTo(own[i], within(HALF_WEIGHTS * magnitude));
            }
        }
    }

    @Test
    void matricesOfSeveralFormatsShareTheirActivations() {
        QuantTensor first = weights(QuantFormat.Q4_K, ROWS, 512);
        QuantTensor second = weights(QuantFormat.Q8_0, 80, 512);
        float[] x = DeviceScope.gaussians(TOKENS * 512, 3);
        for (boolean copies : new boolean[]{false, true}) {
            try (Product product = new Product(List.of(first, second), x, null, 1, copies)) {
                for (int part = 0; part < 2; part++) {
                    long before = StandInCublasLt.products();
                    float[] y = product.run(product.library, part, TOKENS);
                    assertThat(StandInCublasLt.products()).isEqualTo(before + 4);
                    float[] own = product.run(product.own, part, TOKENS);
                    for (int i = 0; i < y.length; i++) {
                        assertThat(y[i]).as("part %d, %d", part, i).isCloseTo(own[i],
                                within(0.01f));
                    }
                }
            }
        }
    }

    @Test
    void halvesThatAreKeptGiveTheBitsOfThoseMadeAnew() {
        QuantTensor weights = weights(QuantFormat.Q6_K, ROWS, 512);
        float[] x = DeviceScope.gaussians(TOKENS * 512, 3);
        try (Product anew = new Product(List.of(weights), x, null, 1, false);
                Product kept = new Product(List.of(weights), x, null, 1, true)) {
            assertThat(kept.run(kept.library, 0, TOKENS)).isEqualTo(
                    anew.run(anew.library, 0, TOKENS));
        }
    }

    @Test
    void fewTokensStayWithTheKernels() {
        float[] x = DeviceScope.gaussians(TOKENS * 512, 4);
        try (Product product = new Product(List.of(weights(QuantFormat.Q4_0, ROWS, 512)), x, null,
                TOKENS, false)) {
            long before = StandInCublasLt.products();
            float[] few = product.run(product.library, 0, TOKENS - 1);
            assertThat(StandInCublasLt.products()).isEqualTo(before);
            assertThat(few).isEqualTo(product.run(product.own, 0, TOKENS - 1));
            product.run(product.library, 0, TOKENS);
            assertThat(StandInCublasLt.products()).isEqualTo(before + 2);
        }
    }

    @Test
    void whatTheLibraryHasNoAlgorithmForTheKernelsMultiply() {
        float[] x = DeviceScope.gaussians(TOKENS * 512, 4);
        StandInCublasLt.set("refuses", 1);
        try (Product product = new Product(List.of(weights(QuantFormat.Q4_0, ROWS, 512)), x, null,
                1, false)) {
            long before = StandInCublasLt.products();
            float[] y = product.run(product.library, 0, TOKENS);
            assertThat(StandInCublasLt.products()).isEqualTo(before);
            assertThat(y).isEqualTo(product.run(product.own, 0, TOKENS));
        }
    }

    @Test
    void anErrorOfTheLibraryIsToldInItsWords() {
        float[] x = DeviceScope.gaussians(TOKENS * 512, 4);
        try (Product product = new Product(List.of(weights(QuantFormat.Q4_0, ROWS, 512)), x, null,
                1, false)) {
            StandInCublasLt.set("fails", 13);
            assertThatThrownBy(() -> product.run(product.library, 0, TOKENS))
                    .isInstanceOf(KernelException.class)
                    .hasMessage("cuBLASLt could not do a product of 37 x 512 with 5 tokens: the GPU"
                            + " program failed to execute (cuBLAS error 13)");
        }
    }

    @Test
    void capturedProductsAreDoneAgainWithOtherActivations() {
        float[] x = DeviceScope.gaussians(TOKENS * 512, 4);
        try (Product product = new Product(List.of(weights(QuantFormat.Q4_0, ROWS, 512)), x, null,
                1, false)) {
            float[] once = product.run(product.library, 0, TOKENS);
            CudaGraph graph = device.capture(
                    () -> product.library.multiply(product.product, product.x, TOKENS));
            for (float factor : new float[]{1, -1}) {
                float[] scaled = x.clone();
                float[] expected = once.clone();
                for (int i = 0; i < scaled.length; i++) {
                    scaled[i] *= factor;
                }
                for (int i = 0; i < expected.length; i++) {
                    expected[i] *= factor;
                }
                product.own.addAndNorm(new Between(product.scope.upload(scaled), 0, 1, 0, 0, 0,
                        512), TOKENS, product.x);
                graph.launch();
                assertThat(product.scope.floats(product.parts.getFirst().out(), TOKENS * ROWS))
                        .isEqualTo(expected);
            }
        }
    }

    /** One that is not a number, or too large for a half, spoils its own token's products alone. */
    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, 3e7f})
    void whatIsNoNumberStaysWithItsToken(float bad) {
        float[] x = DeviceScope.gaussians(TOKENS * 512, 4);
        QuantTensor weights = weights(QuantFormat.Q8_0, ROWS, 512);
        try (Product good = new Product(List.of(weights), x, null, 1, false)) {
            float[] expected = good.run(good.library, 0, TOKENS);
            x[2 * 512 + 7] = bad;
            try (Product spoilt = new Product(List.of(weights), x, null, 1, false)) {
                float[] y = spoilt.run(spoilt.library, 0, TOKENS);
                for (int token = 0; token < TOKENS; token++) {
                    float[] row = Arrays.copyOfRange(y, token * ROWS, (token + 1) * ROWS);
                    if (token == 2) {
                        for (float each : row) {
                            assertThat(Float.isFinite(each)).isFalse();
                        }
                    } else {
                        assertThat(row).isEqualTo(Arrays.copyOfRange(expected, token * ROWS,
                                (token + 1) * ROWS));
                    }
                }
            }
        }
    }
}
