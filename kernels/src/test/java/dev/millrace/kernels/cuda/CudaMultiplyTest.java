package dev.millrace.kernels.cuda;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.cuda.CudaKernels.Between;
import dev.millrace.kernels.cuda.CudaMultiply.Experts;
import dev.millrace.kernels.cuda.CudaProduct.Part;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.*;

/** Products on the emulated device against sums in double, in every format of weights. */
class CudaMultiplyTest extends OnEmulatedDevice {

    /** Of the sum of the products' magnitudes: sums have the bits of floats. */
    private static final double TOLERANCE = 1e-6;
    private static final int ROWS = 37;

    @ParameterizedTest
    @EnumSource
    void everyFormatMultipliesWhatItsWeightsAre(QuantFormat format) {
        requireDefinition(format, CudaActivations.F16X2, 11);
    }

    /** One format for each of the device's, of which a wide one has minimums. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "Q8_0", "Q4_0", "Q4_K", "Q6_K", "Q2_K", "INT4_ZERO_G128",
        "INT8_CHANNEL"})
    void activationsOfOneHalfAreRoundedToThatAndNoFurther(QuantFormat format) {
        requireDefinition(format, CudaActivations.F16, 19);
    }

    private static void requireDefinition(QuantFormat format, CudaActivations activations,
            int tokens) {
        int columns = format.blockElements() == 1 ? 200 : 3 * format.blockElements() + 512;
        QuantTensor weights = RandomWeights.tensor(Arena.ofAuto(), format,
                TensorShape.matrix(ROWS, columns), 0.7f, 5);
        float[] x = activations(tokens, columns);
        float[] bias = activations(1, ROWS);

        float[] y = multiply(weights, x, bias, tokens, activations);

        float[] rounded = RoundedActivations.of(x, columns, activations);
        float[] row = new float[columns];
        for (int r = 0; r < ROWS; r++) {
            new Dequantizer(format).dequantize(weights, (long) r * columns, columns, row, 0);
            for (int token = 0; token < tokens; token++) {
                double sum = bias[r];
                double magnitude = Math.abs(sum);
                for (int i = 0; i < columns; i++) {
                    double product = (double) row[i] * rounded[token * columns + i];
                    sum += product;
                    magnitude += Math.abs(product);
                }
                assertThat((double) y[token * ROWS + r]).as("row %d of token %d", r, token)
                        .isCloseTo(sum, within(TOLERANCE * magnitude));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRowThatIsLookedUpIsWhatTheFileSays(QuantFormat format) {
        int columns = 2 * format.blockElements() + 256;
        QuantTensor weights = RandomWeights.tensor(Arena.ofAuto(), format,
                TensorShape.matrix(ROWS, columns), 0.7f, 6);
        try (DeviceScope scope = new DeviceScope(device)) {
            CudaProduct product = scope.product(weights, 0, 0, pool);
            long ids = scope.upload(36, 0, 17);
            long out = scope.allocate(3L * columns * Float.BYTES);

            kernels.embed(product, ids, 3, out, 2);

            float[] rows = scope.floats(out, 3 * columns);
            float[] row = new float[columns];
            new Dequantizer(format).dequantize(weights, 36L * columns, columns, row, 0);
            for (int i = 0; i < columns; i++) {
                assertThat(rows[i]).as("element %d", i)
                        .isCloseTo(2 * row[i], within(Math.abs(row[i]) * 1e-6f + 1e-9f));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aTokenHasTheSameBitsAloneAndAmongForty(CudaActivations activations) {
        QuantTensor weights = RandomWeights.tensor(Arena.ofAuto(), QuantFormat.Q4_K,
                TensorShape.matrix(ROWS, 2560), 0.7f, 7);
        float[] x = activations(40, 2560);
        float[] together = multiply(weights, x, new float[ROWS], 40, activations);
        for (int token : new int[]{0, 8, 39}) {
            float[] alone = multiply(weights, Arrays.copyOfRange(x, token * 2560,
                    (token + 1) * 2560), new float[ROWS], 1, activations);
            assertThat(alone).isEqualTo(Arrays.copyOfRange(together, token * ROWS,
                    (token + 1) * ROWS));
        }
    }

    /** Wherever a token is computed, by whichever kernel: in rows of shares and a short one. */
    @ParameterizedTest
    @CsvSource({"F16, F16, 37, 1152", "INT8_CHANNEL, F16, 70, 1152", "Q8_0, F16, 37, 1152",
        "Q4_0, F16X2, 70, 1152", "Q4_0, F16, 37, 256", "INT4_ZERO, F16, 70, 1152",
        "INT4_G128, F16X2, 37, 1152", "INT4_G128, F16, 197, 2304",
        "INT4_ZERO_G128, F16, 70, 1152", "Q4_K, F16X2, 70, 2304", "Q4_K, F16, 37, 1280",
        "Q6_K, F16, 70, 1280"})
    void kernelsForManyTokensHaveTheBitsOfThoseForFew(QuantFormat format,
            CudaActivations activations, int rows, int columns) {
        int tokens = rows * 2 / 3 + 3;
        QuantTensor weights = RandomWeights.tensor(Arena.ofAuto(), format,
                TensorShape.matrix(rows, columns), 0.7f, 7);
        float[] x = activations(tokens, columns);
        float[] few = new float[tokens * rows];
        for (int first = 0; first < tokens; first += 16) {
            int count = Math.min(16, tokens - first);
            System.arraycopy(multiply(weights, Arrays.copyOfRange(x, first * columns,
                    (first + count) * columns), new float[rows], count, activations), 0, few,
                    first * rows, count * rows);
        }
        try (DeviceScope scope = new DeviceScope(device)) {
            PreparedRows prepared = scope.prepared(tokens, columns, activations);
            kernels.addAndNorm(new Between(scope.upload(x), 0, 1, 0, 0, 0, columns), tokens,
                    prepared);
            for (int kind = 0; kind < 2; kind++) {
                long out = scope.allocate((long) tokens * rows * Float.BYTES);
                CudaProduct product = scope.product(weights, 0, out, pool);
                List<Runnable> kinds = new CudaMultiply(device).many(product,
                        product.runs().getFirst(), Experts.NONE, prepared, tokens, tokens);
                assertThat(kinds).hasSize(2);
                kinds.get(kind).run();
                assertThat(scope.floats(out, tokens * rows)).as("kind %d", kind).isEqualTo(few);
            }
        }
    }

    /** Four blocks of threads, one per multiprocessor, take the tiles of all matrices in turn. */
    @ParameterizedTest
    @EnumSource(value = QuantFormat.class, names = {"F16", "Q4_0", "Q4_K", "Q2_K"})
    void blocksOfThreadsShareTheTilesOfAllMatrices(QuantFormat format) {
        int columns = 1280;
        int[] rows = {100, 20, 37};
        for (int tokens : new int[]{1, 35}) {
            float[] x = activations(tokens, columns);
            try (DeviceScope scope = new DeviceScope(device)) {
                List<QuantTensor> tensors = new ArrayList<>();
                List<Part> parts = new ArrayList<>();
                for (int each : rows) {
                    tensors.add(RandomWeights.tensor(Arena.ofAuto(), format,
                            TensorShape.matrix(each, columns), 0.7f, each));
                    parts.add(new Part(scope.matrix(tensors.getLast(), pool), 0,
                            scope.allocate((long) tokens * each * Float.BYTES)));
                }
                PreparedRows prepared = scope.prepared(tokens, columns,
                        CudaActivations.F16);
                kernels.addAndNorm(new Between(scope.upload(x), 0, 1, 0, 0, 0, columns), tokens,
                        prepared);
                kernels.multiply(scope.product(parts), prepared, tokens);

                for (int i = 0; i < rows.length; i++) {
                    assertThat(scope.floats(parts.get(i).out(), tokens * rows[i])).isEqualTo(
                            multiply(tensors.get(i), x, new float[rows[i]], tokens,
                                    CudaActivations.F16));
                }
            }
        }
    }

    /** The same bits as activations that are in the order already. */
    @ParameterizedTest
    @EnumSource
    void activationsComeInTheOrderOfTheColumns(CudaActivations activations) {
        int columns = 896;
        int tokens = 5;
        List<Integer> order = new ArrayList<>(IntStream.range(0, columns).boxed().toList());
        Collections.shuffle(order, new Random(4));
        int[] indices = order.stream().mapToInt(Integer::intValue).toArray();
        QuantTensor weights = RandomWeights.tensor(Arena.ofAuto(), QuantFormat.INT4_ZERO_G128,
                TensorShape.matrix(ROWS, columns), 0.7f, 8);
        float[] x = activations(tokens, columns);
        float[] inOrder = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            inOrder[i] = x[i / columns * columns + indices[i % columns]];
        }
        try (DeviceScope scope = new DeviceScope(device)) {
            ColumnOrder shared = new ColumnOrder(scope.upload(indices), scope.allocate(
                    PreparedRows.bytes(tokens, columns, activations)));
            List<Part> parts = new ArrayList<>();
            for (ColumnOrder each : List.of(shared, shared, ColumnOrder.NONE)) {
                parts.add(new Part(scope.matrix(weights, pool), 0,
                        scope.allocate((long) tokens * ROWS * Float.BYTES), each));
            }
            PreparedRows prepared = scope.prepared(tokens, columns, activations);
            kernels.addAndNorm(new Between(scope.upload(x), 0, 1, 0, 0, 0, columns), tokens,
                    prepared);
            CudaProduct product = scope.product(parts);
            kernels.multiply(product, prepared, tokens);

            assertThat(product.runs()).hasSize(2);
            float[] bias = new float[ROWS];
            float[] expected = multiply(weights, inOrder, bias, tokens, activations);
            assertThat(scope.floats(parts.get(0).out(), tokens * ROWS)).isEqualTo(expected);
            assertThat(scope.floats(parts.get(1).out(), tokens * ROWS)).isEqualTo(expected);
            assertThat(scope.floats(parts.get(2).out(), tokens * ROWS))
                    .isEqualTo(multiply(weights, x, bias, tokens, activations));
        }
    }

    @Test
    void largeSmallAndMissingNumbersStayWhatTheyAre() {
        float[] weights = new float[16 * 128];
        for (int i = 0; i < 16; i++) {
            weights[i * 128 + i] = i % 2 == 0 ? 1e30f : 1e-30f;
        }
        QuantTensor diagonal = QuantTensor.of(QuantFormat.F32, TensorShape.matrix(16, 128),
                MemorySegment.ofArray(weights));
        float[] x = new float[4 * 128];
        Arrays.fill(x, 0, 128, 1e-20f);
        Arrays.fill(x, 128, 256, 3e7f);
        x[256 + 3] = Float.NaN;
        x[384 + 5] = Float.POSITIVE_INFINITY;

        float[] y = multiply(diagonal, x, new float[16], 4, CudaActivations.F16X2);

        assertThat(y[0]).isCloseTo(1e10f, withinPercentage(1e-4));
        assertThat(y[16 + 1]).isCloseTo(3e-23f, withinPercentage(1e-4));
        assertThat(y[32]).isNaN();
        assertThat(y[48]).isNaN();
    }

    private static float[] activations(int rows, int columns) {
        Random random = new Random(columns);
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() * (1 + i / columns);
        }
        return values;
    }

    private static float[] multiply(QuantTensor weights, float[] x, float[] bias, int tokens,
            CudaActivations activations) {
        int columns = (int) weights.shape().columns();
        int rows = (int) weights.shape().rows();
        try (DeviceScope scope = new DeviceScope(device)) {
            long hidden = scope.upload(x);
            long out = scope.allocate((long) tokens * rows * Float.BYTES);
            PreparedRows prepared = scope.prepared(tokens, columns, activations);
            CudaProduct product = scope.product(weights, scope.upload(bias), out, pool);

            kernels.addAndNorm(new Between(hidden, 0, 1, 0, 0, 0, columns), tokens, prepared);
            kernels.multiply(product, prepared, tokens);
            return scope.floats(out, tokens * rows);
        }
    }
}
