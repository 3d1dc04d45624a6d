package dev.millrace.kernels.cuda;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/** What matrices take on a device, and what is refused before it gets there. */
class MatrixLayoutTest {

    private static final TensorShape SHAPE = TensorShape.matrix(1024, 4096);

    @ParameterizedTest
    @CsvSource({"INT4_G128, 4.125, 4.13 bits", "INT4_ZERO_G128, 4.1875, 4.19 bits",
        "INT4_ZERO, 4.625, 4.63 bits", "Q4_0, 4.5, 4.5 bits",
        "INT8_CHANNEL, 8.0078125, '8 bits, a float per row'", "Q8_0, 8.5, 8.5 bits"})
    void aWeightTakesTheseBits(QuantFormat format, double bits, String form) {
        assertThat(8.0 * CudaMatrix.bytes(format, SHAPE) / SHAPE.elements()).isEqualTo(bits);
        assertThat(CudaMatrix.form(format)).isEqualTo(form);
    }

    @ParameterizedTest
    @CsvSource({"INT4_G128, 72, 18", "INT4_ZERO_G128, 88, 22", "INT8_CHANNEL, 68, 34"})
    void blocksThatDoNotShareTheirScaleAreRefused(QuantFormat format, int rowBytes, int at) {
        QuantTensor tensor = tensor(format, rowBytes);
        tensor.data().set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) 0x1234);

        assertThatIllegalArgumentException().isThrownBy(() -> pack(tensor))
                .withMessageContaining("different scales in a block, which is not " + format);
    }

    @Test
    void codesOfMoreThanFourBitsAreRefused() {
        QuantTensor tensor = tensor(QuantFormat.INT4_ZERO, 22);
        tensor.data().set(ValueLayout.JAVA_INT_UNALIGNED, 2, 0x55555555);
        tensor.data().asSlice(6, 16).fill((byte) 0x0f);

        assertThatIllegalArgumentException().isThrownBy(() -> pack(tensor))
                .withMessageContaining("codes from -16 to 15 in a block, which is not INT4_ZERO");
    }

    private static QuantTensor tensor(QuantFormat format, int rowBytes) {
        int columns = rowBytes / format.blockBytes() * format.blockElements();
        return RandomWeights.tensor(Arena.ofAuto(), format, TensorShape.matrix(3, columns), 1, 2);
    }

    private static void pack(QuantTensor tensor) {
        new TilePacker(tensor, MatrixLayout.of(tensor.format(), 3,
                (int) tensor.shape().columns())).pack(0);
    }
}
