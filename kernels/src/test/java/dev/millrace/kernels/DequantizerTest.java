package dev.millrace.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/** Against blocks and values from gguf-py's reference dequantiser. */
class DequantizerTest {

    private static byte[] golden(String name) throws IOException {
        try (InputStream in = DequantizerTest.class.getResourceAsStream("/quant-types/" + name)) {
            return in.readAllBytes();
        }
    }

    private static QuantTensor blocks(QuantFormat format) throws IOException {
        byte[] blocks = golden(format + ".blocks");
        int elements = blocks.length / format.blockBytes() * format.blockElements();
        return QuantTensor.of(format, TensorShape.vector(elements),
                MemorySegment.ofArray(blocks));
    }

    private static float[] values(QuantFormat format) throws IOException {
        MemorySegment bytes = MemorySegment.ofArray(golden(format + ".f32"));
        float[] values = new float[(int) (bytes.byteSize() / Float.BYTES)];
        MemorySegment.copy(bytes, LittleEndian.FLOAT, 0, values, 0, values.length);
        return values;
    }

    @ParameterizedTest
    @EnumSource
    void dequantisesBitForBit(QuantFormat format) throws IOException {
        QuantTensor tensor = blocks(format);
        float[] expected = values(format);
        float[] actual = new float[expected.length];

        new Dequantizer(format).dequantize(tensor, 0, actual.length, actual, 0);

        assertThat(tensor.shape().elements()).isEqualTo(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(Float.floatToRawIntBits(actual[i]))
                    .as("element %d: %s, expected %s", i, actual[i], expected[i])
                    .isEqualTo(Float.floatToRawIntBits(expected[i]));
        }
    }

    @ParameterizedTest
    @EnumSource
    void dequantisesARangeOfBlocks(QuantFormat format) throws IOException {
        QuantTensor tensor = blocks(format);
        float[] expected = values(format);
        int block = format.blockElements();
        float[] actual = new float[block * 2 + 3];

        new Dequantizer(format).dequantize(tensor, block * 3, block * 2, actual, 3);

        assertThat(Arrays.copyOfRange(actual, 0, 3)).containsOnly(0);
        assertThat(Arrays.copyOfRange(actual, 3, actual.length))
                .isEqualTo(Arrays.copyOfRange(expected, block * 3, block * 5));
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"}, mode = EnumSource.Mode.EXCLUDE)
    void takesEveryBlockApart(QuantFormat format) throws IOException {
        QuantTensor tensor = blocks(format);
        float[] expected = values(format);
        QuantBlock block = QuantBlock.of(format);
        for (int first = 0; first < expected.length; first += format.blockElements()) {
            block.read(tensor.data(), (long) first / format.blockElements() * format.blockBytes());
            for (int i = 0; i < format.blockElements(); i++) {
                int group = i / block.groupElements();
                float value = block.scale() * block.scaleCode(group) * block.code(i)
                        - block.minScale() * block.minCode(group);
                assertThat(value).isEqualTo(expected[first + i]);
                assertThat(block.hasMinimums() || block.minCode(group) == 0).isTrue();
            }
        }
    }

    @Test
    void refusesATensorOfAnotherFormat() throws IOException {
        QuantTensor tensor = blocks(QuantFormat.Q4_0);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Dequantizer(QuantFormat.Q8_0).dequantize(tensor, 0, 32,
                        new float[32], 0))
                .withMessageContaining("Q8_0").withMessageContaining("Q4_0");
    }

    @Test
    void refusesElementsOutsideOfTheTensorOrInsideOfABlock() throws IOException {
        QuantTensor tensor = blocks(QuantFormat.Q4_0);
        Dequantizer dequantizer = new Dequantizer(QuantFormat.Q4_0);
        float[] out = new float[512];
        assertThatIllegalArgumentException()
                .isThrownBy(() -> dequantizer.dequantize(tensor, 256, 32, out, 0))
                .withMessageContaining("outside of a tensor of 256");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> dequantizer.dequantize(tensor, Long.MAX_VALUE, 32, out, 0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> dequantizer.dequantize(tensor, -32, 32, out, 0));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> dequantizer.dequantize(tensor, 16, 32, out, 0))
                .withMessageContaining("blocks of 32");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> dequantizer.dequantize(tensor, 32, 40, out, 0));
    }

    @Test
    void refusesABlockBufferForPlainFloats() {
        assertThatIllegalArgumentException().isThrownBy(() -> QuantBlock.of(QuantFormat.F16))
                .withMessageContaining("F16");
    }
}
