package dev.millrace.kernels.cpu;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.fail;

/** Products with packed matrices: right, the same bits in every batch, and without garbage. */
@ParameterizedClass
@EnumSource
class MatrixContractTest {

    /** A product may differ from the exact one by this share of the sum of magnitudes. */
    private static final double TOLERANCE = 1e-5;
    private static final int WIDEST_TILE = 16;
    private static final WorkerPool POOL = WorkerPool.create(1);

    @Parameter
    KernelChoice choice;

    private CpuKernels kernels;

    @BeforeEach
    void open() {
        kernels = choice.open();
    }

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    /** Columns that are less than, equal to and more than a chunk, a panel, and several. */
    private static int[] columns(QuantFormat format) {
        return switch (format.blockElements()) {
            case 1 -> new int[]{1, 6, 15, 16, 17, 64, 172, 511, 513, 1100};
            case 32 -> new int[]{32, 64, 96, 288, 512, 544, 1056};
            default -> new int[]{256, 512, 768, 1280};
        };
    }

    private void multiply(CpuMatrix matrix, float[] x, int rows, float[] y, int begin, int end) {
        kernels.multiply(matrix,
                RandomTensors.activations(kernels, Arrays.copyOf(x, rows * matrix.columns()), rows),
                rows, y, begin, end);
    }

    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void multipliesWithinTheBound(QuantFormat format) {
        for (int columns : columns(format)) {
            for (int outputs : new int[]{7, WIDEST_TILE + 1}) {
                assertProducts(format, outputs, columns, 1, 6);
            }
        }
        assertProducts(format, 6 * WIDEST_TILE + 3, 2 * format.blockElements(), 1, 4);
        assertProducts(format, 2 * WIDEST_TILE, 2 * format.blockElements(), 131);
    }

    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_ALL)
    void whatIsKnownBeyondTheBlocksChangesNoBit(QuantFormat format) {
        QuantTensor tensor = RandomTensors.matrix(format, 7, 256, 3);
        float[] x = RandomTensors.gaussians(256, 4);
        float[][] y = new float[2][7];
        float[][] row = new float[2][256];
        for (int i = 0; i < 2; i++) {
            try (CpuMatrix matrix = kernels.pack(i == 0 ? tensor : tensor.plain(), POOL)) {
                multiply(matrix, x, 1, y[i], 0, 7);
                kernels.copyRow(matrix, 5, row[i], 0);
            }
        }
        assertThat(y[0]).isEqualTo(y[1]);
        assertThat(row[0]).isEqualTo(row[1]);
    }

    /** @param rowCounts ascending: the last says how many rows there are */
    private void assertProducts(QuantFormat format, int outputs, int columns, int... rowCounts) {
        QuantTensor tensor = RandomTensors.matrix(format, outputs, columns, columns);
        int mostRows = rowCounts[rowCounts.length - 1];
        float[] x = RandomTensors.gaussians(mostRows * columns, mostRows);
        float[] weights = dequantize(tensor);
        double[] expected = new double[mostRows * outputs];
        double[] bounds = new double[mostRows * outputs];
        for (int r = 0; r < mostRows; r++) {
            float[] row = Arrays.copyOfRange(x, r * columns, (r + 1) * columns);
            double[] rounding = activationRounding(format, row);
            for (int n = 0; n < outputs; n++) {
                for (int k = 0; k < columns; k++) {
                    double weight = weights[n * columns + k];
                    expected[r * outputs + n] += weight * row[k];
                    bounds[r * outputs + n] += Math.abs(weight)
                            * (rounding[k] + TOLERANCE * Math.abs(row[k]));
                }
            }
        }
        try (CpuMatrix matrix = kernels.pack(tensor, POOL)) {
            for (int rows : rowCounts) {
                float[] y = new float[rows * outputs];
                multiply(matrix, x, rows, y, 0, outputs);
                for (int i = 0; i < y.length; i++) {
                    if (!(Math.abs(y[i] - expected[i]) <= bounds[i])) { // asserting takes long
                        fail("%s %d x %d, row %d of %d, output %d is %s, not %s", format, outputs,
                                columns, i / outputs, rows, i % outputs, y[i], expected[i]);
                    }
                }
            }
        }
    }

    /** Most that activations are off as bytes: half a step of their 32 columns' scale. */
    private double[] activationRounding(QuantFormat format, float[] row) {
        double[] rounding = new double[row.length];
        if (choice.roundsActivations() && NativeLayout.holds(format)) {
            for (int first = 0; first < row.length; first += 32) {
                double largest = 0;
                for (int i = first; i < first + 32; i++) {
                    largest = Math.max(largest, Math.abs(row[i]));
                }
                Arrays.fill(rounding, first, first + 32, largest / 127 / 2);
            }
        }
        return rounding;
    }

    private static float[] dequantize(QuantTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().elements())];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void rowsFromTheMiddleHaveTheSameBits(QuantFormat format) {
        int columns = 2 * format.blockElements();
        int outputs = WIDEST_TILE + 5;
        int allRows = 90;
        float[] x = RandomTensors.gaussians(allRows * columns, 1);
        Activations rows = RandomTensors.activations(kernels, x, allRows);
        float[] whole = new float[allRows * outputs];
        try (CpuMatrix matrix = kernels.pack(
                RandomTensors.matrix(format, outputs, columns, 2), POOL)) {
            kernels.multiply(matrix, rows, allRows, whole, 0, outputs);
            for (int count : new int[]{1, 5, 19, 70}) {
                float[] part = new float[allRows * outputs];
                kernels.multiply(matrix, rows, 13, count, part, 0, outputs);
                for (int i = 0; i < part.length; i++) {
                    boolean inside = i >= 13 * outputs && i < (13 + count) * outputs;
                    assertThat(part[i]).as("%d rows, element %d", count, i)
                            .isEqualTo(inside ? whole[i] : 0);
                }
            }
        }
    }

    /** Rows that are read one by one and by the panel, with every remainder of both. */
    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void aRowHasTheSameBitsInEveryBatch(QuantFormat format) {
        int columns = format.blockElements() == 1 ? 555 : 768;
        int outputs = 5 * tile() + 5;
        int mostRows = 131;
        float[] x = RandomTensors.gaussians(mostRows * columns, 1);
        try (CpuMatrix matrix = kernels.pack(
                RandomTensors.matrix(format, outputs, columns, 2), POOL)) {
            float[] all = new float[mostRows * outputs];
            multiply(matrix, x, mostRows, all, 0, outputs);
            for (int rows : new int[]{2, 3, 8, 9, 15, 16, 23}) {
                float[] together = new float[rows * outputs];
                multiply(matrix, x, rows, together, 0, outputs);
                assertThat(together).as("%d rows", rows)
                        .isEqualTo(Arrays.copyOf(all, rows * outputs));
            }
            IntStream.concat(IntStream.range(0, 24), IntStream.of(70, 126, 127, 128, 130))
                    .forEach(row -> {
                        float[] alone = new float[outputs];
                        multiply(matrix, Arrays.copyOfRange(x, row * columns, (row + 1) * columns),
                                1, alone, 0, outputs);
                        assertThat(alone).as("row %d", row).isEqualTo(
                                Arrays.copyOfRange(all, row * outputs, (row + 1) * outputs));
                    });
        }
    }

    /** Rows of a matrix that these kernels read at once. */
    private int tile() {
        return choice.roundsActivations() || kernels.vectorBits() == 0
                ? WIDEST_TILE
                : kernels.vectorBits() / Float.SIZE;
    }

    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void anOutputHasTheSameBitsHoweverTheWorkIsSplit(QuantFormat format) {
        int columns = format.blockElements() == 1 ? 100 : 512;
        int outputs = 7 * WIDEST_TILE + 2;
        for (int rows : new int[]{1, 5}) {
            float[] x = RandomTensors.gaussians(rows * columns, 3);
            try (CpuMatrix matrix = kernels.pack(
                    RandomTensors.matrix(format, outputs, columns, 4), POOL)) {
                float[] whole = new float[rows * outputs];
                multiply(matrix, x, rows, whole, 0, outputs);
                int tile = matrix.rowTile();
                for (int split : new int[]{tile, 2 * tile, (outputs - 1) / tile * tile}) {
                    float[] parts = new float[rows * outputs];
                    multiply(matrix, x, rows, parts, split, outputs);
                    for (int n = 0; n < split; n++) {
                        assertThat(parts[n]).as("output before the part").isZero();
                    }
                    multiply(matrix, x, rows, parts, 0, split);
                    assertThat(parts).as("split at %d", split).isEqualTo(whole);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void copiesARowBitForBit(QuantFormat format) {
        int columns = format.blockElements() == 1 ? 37 : 512;
        int rows = 2 * WIDEST_TILE + 1;
        QuantTensor tensor = RandomTensors.matrix(format, rows, columns, 5);
        float[] expected = dequantize(tensor);
        try (WorkerPool packers = WorkerPool.create(3);
                CpuMatrix matrix = kernels.pack(tensor, packers)) {
            assertThat(matrix.rows()).isEqualTo(rows);
            assertThat(matrix.columns()).isEqualTo(columns);
            assertThat(matrix.format()).isEqualTo(format);
            for (int row = 0; row < rows; row++) {
                float[] out = new float[columns + 2];
                kernels.copyRow(matrix, row, out, 1);
                assertThat(Arrays.copyOfRange(out, 1, columns + 1)).isEqualTo(
                        Arrays.copyOfRange(expected, row * columns, (row + 1) * columns));
                assertThat(out[0] + out[columns + 1]).isZero();
            }
            assertThatExceptionOfType(IndexOutOfBoundsException.class)
                    .isThrownBy(() -> kernels.copyRow(matrix, rows, new float[columns], 0));
        }
    }

    @Test
    void multipliesByHalvesThatAreNotOrdinary() {
        short[] halves = {0x0001, (short) 0x83FF, 0x7C00, (short) 0xFC00, 0x7E01, 0x7BFF};
        float[] expected = new float[halves.length];
        float[] y = new float[halves.length];
        for (int i = 0; i < halves.length; i++) {
            expected[i] = Float.float16ToFloat(halves[i]);
        }
        QuantTensor tensor = QuantTensor.of(QuantFormat.F16,
                TensorShape.matrix(halves.length, 1), MemorySegment.ofArray(halves));
        try (CpuMatrix matrix = kernels.pack(tensor, POOL)) {
            multiply(matrix, new float[]{1}, 1, y, 0, halves.length);
        }
        assertThat(y).isEqualTo(expected);
    }

    @Test
    void anInfiniteOrMissingActivationShowsInItsRowOnly() {
        int columns = 64;
        float[] x = RandomTensors.gaussians(3 * columns, 6);
        x[columns + 5] = Float.NaN;
        float[] y = new float[3 * 8];
        try (CpuMatrix matrix = kernels.pack(
                RandomTensors.matrix(QuantFormat.Q8_0, 8, columns, 7), POOL)) {
            multiply(matrix, x, 3, y, 0, 8);
        }
        for (int i = 0; i < y.length; i++) {
            assertThat(Float.isNaN(y[i])).isEqualTo(i / 8 == 1);
        }
    }

    /** Random bits, scales included, make infinities and NaN where the format has them. */
    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void hostileBlocksShowInTheirOwnRowsOnly(QuantFormat format) {
        int columns = format.blockElements() == 1 ? 100 : 512;
        int outputs = WIDEST_TILE + 3;
        QuantTensor tensor = RandomTensors.matrix(format, outputs, columns, 8);
        float[] x = RandomTensors.gaussians(20 * columns, 9);
        float[] expected = new float[20 * outputs];
        try (CpuMatrix matrix = kernels.pack(tensor, POOL)) {
            multiply(matrix, x, 20, expected, 0, outputs);
        }
        List<Integer> hostile = List.of(1, WIDEST_TILE, outputs - 1);
        byte[] bits = new byte[Math.toIntExact(tensor.rowBytes())];
        Random random = new Random(10);
        for (int row : hostile) {
            random.nextBytes(bits);
            MemorySegment.copy(bits, 0, tensor.data(), ValueLayout.JAVA_BYTE,
                    row * tensor.rowBytes(), bits.length);
        }
        float[] values = dequantize(tensor);
        try (CpuMatrix matrix = kernels.pack(tensor, POOL)) {
            for (int rows : new int[]{1, 3, 20}) {
                float[] y = new float[rows * outputs];
                multiply(matrix, x, rows, y, 0, outputs);
                for (int i = 0; i < y.length; i++) {
                    if (!hostile.contains(i % outputs)) {
                        assertThat(y[i]).isEqualTo(expected[i]);
                    }
                }
            }
            float[] row = new float[columns];
            for (int r : hostile) {
                kernels.copyRow(matrix, r, row, 0);
                assertThat(row).isEqualTo(
                        Arrays.copyOfRange(values, r * columns, (r + 1) * columns));
            }
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        try (CpuMatrix matrix = kernels.pack(
                RandomTensors.matrix(QuantFormat.F32, 40, 10, 1), POOL)) {
            Activations x = kernels.openActivations(2, 10);
            Activations narrow = kernels.openActivations(2, 9);
            float[] y = new float[80];
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.multiply(matrix, x, 3, new float[120], 0, 40))
                    .withMessageContaining("3 rows").withMessageContaining("40 x 10");
            assertThatIllegalArgumentException().isThrownBy(
                    () -> kernels.multiply(matrix, narrow, 2, y, 0, 40));
            assertThatIllegalArgumentException().isThrownBy(
                    () -> kernels.multiply(matrix, x, 2, new float[79], 0, 40));
            assertThatIllegalArgumentException().isThrownBy(
                    () -> kernels.multiply(matrix, x, 0, y, 0, 40));
            assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(
                    () -> kernels.multiply(matrix, x, 2, y, 0, 41));
            if (matrix.rowTile() > 1) {
                assertThatIllegalArgumentException().isThrownBy(
                        () -> kernels.multiply(matrix, x, 2, y, 1, 40))
                        .withMessageContaining("multiples of " + matrix.rowTile());
            }
        }
    }

    @Test
    void refusesATensorOfSeveralPlanes() {
        QuantTensor bank = QuantTensor.of(QuantFormat.F32, new TensorShape(2, 4, 4),
                MemorySegment.ofArray(new float[32]));
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.pack(bank, POOL))
                .withMessageContaining("2 x 4 x 4");
    }
}
