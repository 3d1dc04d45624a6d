package dev.millrace.kernels;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
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

    /**
     * So many blocks of random bits draw every point of every lattice. The checksums are of what
     * gguf-py makes of the same bits, with one NaN for all.
     */
    @ParameterizedTest
    @CsvSource({"Q4_0, 2a7ba463", "Q4_1, 10e8164b", "Q5_0, 4449c88f", "Q5_1, 33740d62",
        "Q8_0, 83bd4f0e", "Q2_K, 7b0def57", "Q3_K, 236987d9", "Q4_K, 4c359100", "Q5_K, 90b7a5e2",
        "Q6_K, 45c916b9", "IQ1_S, e810da2a", "IQ1_M, 77e56670", "IQ2_XXS, 8a552df7",
        "IQ2_XS, 46fead46", "IQ2_S, 1e51be53", "IQ3_XXS, 4aec5910", "IQ3_S, f9d2cdf5",
        "IQ4_NL, 34f06fb4", "IQ4_XS, 6e7586d9", "TQ1_0, 9900d49d", "TQ2_0, 0d1c36c6",
        "MXFP4, e74def0f", "NVFP4, bae289f8"})
    void dequantisesAnyBits(QuantFormat format, String checksum) {
        byte[] bits = new byte[2048 * format.blockBytes()];
        long state = 1;
        for (int i = 0; i < bits.length; i++) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            bits[i] = (byte) (state >>> 56);
        }
        float[] values = new float[2048 * format.blockElements()];
        new Dequantizer(format).dequantize(MemorySegment.ofArray(bits), 0, values.length, values,
                0);
        ByteBuffer canonical = ByteBuffer.allocate(values.length * Float.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            canonical.putInt(Float.floatToIntBits(value));
        }
        CRC32 crc = new CRC32();
        crc.update(canonical.flip());
        assertThat(String.format("%08x", crc.getValue())).isEqualTo(checksum);
    }

    @ParameterizedTest
    @EnumSource(names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
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
    @EnumSource(names = {"F32", "B?F16", "INT.*"}, mode = EnumSource.Mode.MATCH_NONE)
    void takesEveryBlockApart(QuantFormat format) throws IOException {
        QuantTensor tensor = blocks(format);
        float[] expected = values(format);
        QuantBlock block = QuantBlock.of(format);
        for (int first = 0; first < expected.length; first += format.blockElements()) {
            block.read(tensor.data(), (long) first / format.blockElements() * format.blockBytes());
            for (int i = 0; i < format.blockElements(); i++) {
                int group = i / block.groupElements();
                float value = block.groupScale(group) * block.code(i)
                        - block.groupMinimum(group);
                assertThat(value).isEqualTo(expected[first + i]);
                if (block.codebook().length > 0) {
                    assertThat(block.codebook()).contains(block.code(i));
                }
            }
        }
    }

    /** What packs them relies on it. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "B?F16", "INT.*"}, mode = EnumSource.Mode.MATCH_NONE)
    void keepsScalesAsItSays(QuantFormat format) throws IOException {
        QuantTensor tensor = blocks(format);
        QuantBlock block = QuantBlock.of(format);
        for (long offset = 0; offset < tensor.data().byteSize(); offset += format.blockBytes()) {
            block.read(tensor.data(), offset);
            for (int group = 0; group < block.groups(); group++) {
                float scale = block.groupScale(group);
                float minimum = block.groupMinimum(group);
                assertThat(scale).isEqualTo(kept(block, scale, block.scale(),
                        block.scaleCode(group)));
                assertThat(minimum).isEqualTo(kept(block, minimum, block.minScale(),
                        block.minCode(group)));
                assertThat(block.hasMinimums() || minimum == 0).isTrue();
            }
        }
    }

    private static float kept(QuantBlock block, float value, float unit, byte code) {
        return switch (block.scales()) {
            case HALVES -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BRAIN_FLOATS -> Float.intBitsToFloat(Float.floatToRawIntBits(value) & ~0xFFFF);
            case CODED -> unit * code;
        };
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
