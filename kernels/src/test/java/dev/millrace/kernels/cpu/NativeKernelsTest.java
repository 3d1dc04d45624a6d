package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Products in C are those of the scalar twin, bit for bit, with every set of instructions. */
@ParameterizedClass
@EnumSource
class NativeKernelsTest {

    private static final WorkerPool POOL = WorkerPool.create(1);

    @Parameter
    NativeVariant variant;

    private CpuKernels kernels;

    @BeforeEach
    void open() {
        kernels = KernelChoice.openNative(variant);
    }

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    static Stream<QuantFormat> formats() {
        return Arrays.stream(QuantFormat.values()).filter(NativeLayout::holds);
    }

    /** @param rowCounts ascending: the last says how many rows there are */
    private void assertEqualsReference(QuantTensor tensor, float[] x, int... rowCounts) {
        int outputs = (int) tensor.shape().rows();
        int mostRows = rowCounts[rowCounts.length - 1];
        float[] expected = Int8Reference.multiply(tensor, x, mostRows);
        Activations activations = RandomTensors.activations(kernels, x, mostRows);
        try (CpuMatrix matrix = kernels.pack(tensor, POOL)) {
            for (int rows : rowCounts) {
                float[] y = new float[rows * outputs];
                kernels.multiply(matrix, activations, rows, y, 0, outputs);
                assertThat(y).as("%s %s, %d rows", tensor.format(), tensor.shape(), rows)
                        .isEqualTo(Arrays.copyOf(expected, rows * outputs));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void equalsTheScalarTwin(QuantFormat format) {
        int[] columns = format.blockElements() == 32
                ? new int[]{32, 64, 224, 256, 288, 544}
                : new int[]{256, 512, 768};
        for (int count : columns) {
            for (int outputs : new int[]{1, 15, 16, 17, 31, 33, 70}) {
                assertEqualsReference(RandomTensors.matrix(format, outputs, count, outputs),
                        RandomTensors.gaussians(67 * count, outputs),
                        1, 2, 3, 4, 5, 7, 8, 9, 19, 67);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void equalsTheScalarTwinWithManyRowsAndOutputs(QuantFormat format) {
        assertEqualsReference(RandomTensors.matrix(format, 300, 256, 1),
                RandomTensors.gaussians(261 * 256, 2), 13, 40, 150, 261);
    }

    /** The largest sums that there can be: instructions that saturate would show. */
    @ParameterizedTest
    @MethodSource("formats")
    void sumsTheLargestCodesExactly(QuantFormat format) {
        int columns = 256;
        for (int filler : new int[]{0x00, 0x7F, 0x80, 0x81, 0xFF}) {
            byte[] bytes = new byte[Math.toIntExact(format.rowBytes(columns))];
            Arrays.fill(bytes, (byte) filler);
            QuantTensor ordinary = RandomTensors.matrix(format, 1, columns, 1);
            QuantTensor tensor = QuantTensor.of(format, TensorShape.matrix(1, columns),
                    MemorySegment.ofArray(bytes));
            RandomTensors.copyScales(ordinary, tensor);
            for (int period : new int[]{1, 2, 3, 256}) {
                float[] x = new float[columns * 70];
                for (int i = 0; i < x.length; i++) {
                    x[i] = i / period % 2 == 0 ? 1 : -1;
                }
                assertEqualsReference(tensor, Arrays.copyOf(x, columns), 1);
                assertEqualsReference(tensor, x, 70);
            }
        }
    }

    @Test
    void roundsActivationsOfAnySize() {
        int columns = 32 * 8;
        float[] x = RandomTensors.gaussians(columns, 3);
        float[] factors = {0, Float.MIN_VALUE, 0x1p-101f, 0x1p-99f, 1e-30f, 1, 1e30f,
            Float.MAX_VALUE / 8};
        for (int i = 0; i < columns; i++) {
            x[i] *= factors[i / 32];
        }
        x[5 * 32] = 127;
        for (int i = 1; i < 32; i++) {
            x[5 * 32 + i] = i - 16.5f; // ties go to the even code
        }
        assertEqualsReference(RandomTensors.matrix(QuantFormat.Q8_0, 33, columns, 4), x, 1);
    }

    @Test
    void aNumberThatIsNotFiniteShowsInItsRowOnly() {
        int columns = 512;
        int rows = 70;
        for (QuantFormat format : new QuantFormat[]{QuantFormat.Q4_0, QuantFormat.Q4_K}) {
            for (float poison : new float[]{Float.NaN, Float.POSITIVE_INFINITY,
                Float.NEGATIVE_INFINITY}) {
                float[] x = RandomTensors.gaussians(rows * columns, 6);
                x[columns + 300] = poison;
                float[] y = new float[rows * 40];
                try (CpuMatrix matrix = kernels.pack(
                        RandomTensors.matrix(format, 40, columns, 7), POOL)) {
                    kernels.multiply(matrix, RandomTensors.activations(kernels, x, rows), rows, y,
                            0, 40);
                }
                for (int i = 0; i < y.length; i++) {
                    assertThat(Float.isNaN(y[i])).isEqualTo(i / 40 == 1);
                }
            }
        }
    }

    @Test
    void tellsWhatItIs() {
        assertThat(kernels.name()).isEqualTo("native");
        assertThat(kernels.instructions()).isEqualTo(variant.label());
        assertThat(kernels.vectorBits()).isEqualTo(VectorWidth.preferredBits());
    }

    @Test
    void leavesFloatsToTheVectorKernels() {
        try (CpuMatrix matrix = kernels.pack(RandomTensors.matrix(QuantFormat.F16, 5, 9, 1),
                POOL)) {
            assertThat(matrix).isInstanceOf(PackedMatrix.class);
        }
    }

    @Test
    void aMatrixMayBeClosedTwice() {
        CpuMatrix matrix = kernels.pack(RandomTensors.matrix(QuantFormat.Q8_0, 5, 64, 1), POOL);
        matrix.close();
        matrix.close();
        assertThat(matrix.bytes()).isPositive();
    }
}
