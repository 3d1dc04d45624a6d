package dev.millrace.models.safetensors;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.fixtures.SafetensorsWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/**
 * Packs random integers as the published formats say, one integer after the other, and expects
 * every weight to be {@code scale * (code - zero)} to the last bit.
 */
class QuantizedCheckpointTest {

    private static final int ROWS = 40;
    private static final int COLUMNS = 256;
    private static final int[] AWQ_ORDER = {0, 2, 4, 6, 1, 3, 5, 7};

    @TempDir
    Path folder;

    private final Random random = new Random(3);
    private final int[][] codes = new int[ROWS][COLUMNS];
    private int[][] zeros;
    private float[][] scales;

    private void fill(int bits, int groups, boolean symmetric) {
        zeros = new int[ROWS][groups];
        scales = new float[ROWS][groups];
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < COLUMNS; column++) {
                codes[row][column] = random.nextInt(1 << bits);
            }
            for (int group = 0; group < groups; group++) {
                zeros[row][group] = symmetric ? 1 << bits - 1 : random.nextInt(1 << bits);
                // Seven bits: all of F32, F16 and BF16 hold them.
                scales[row][group] = (64 + random.nextInt(64)) * 0x1p-14f;
            }
        }
    }

    private interface At {
        int value(int line, int position);
    }

    /** Words of integers: {@code lines} of {@code positions}, packed along the positions. */
    private static int[] pack(int lines, int positions, int bits, At at) {
        int perWord = 32 / bits;
        int[] words = new int[lines * positions / perWord];
        for (int line = 0; line < lines; line++) {
            for (int position = 0; position < positions; position++) {
                words[(line * positions + position) / perWord] |= at.value(line,
                        position) << position % perWord * bits;
            }
        }
        return words;
    }

    private static float[] flat(int lines, int positions, float[][] values, boolean transposed) {
        float[] flat = new float[lines * positions];
        for (int line = 0; line < lines; line++) {
            for (int position = 0; position < positions; position++) {
                flat[line * positions + position] = transposed
                        ? values[position][line]
                        : values[line][position];
            }
        }
        return flat;
    }

    private Checkpoint open(SafetensorsWriter writer, String config) throws IOException {
        writer.write(folder.resolve("model.safetensors"));
        return Checkpoint.open(folder, JsonMapper.shared().readTree(config));
    }

    private static float[] values(QuantTensor tensor) {
        float[] values = new float[(int) tensor.shape().elements()];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    private interface Group {
        int of(int column);
    }

    private float[] expected(Group group) {
        float[] expected = new float[ROWS * COLUMNS];
        for (int i = 0; i < expected.length; i++) {
            int row = i / COLUMNS;
            int column = i % COLUMNS;
            int g = group.of(column);
            expected[i] = scales[row][g] * (codes[row][column] - zeros[row][g]);
        }
        return expected;
    }

    private void assertWeight(SafetensorsWriter writer, String config, QuantFormat format,
            String stored, float[] expected) throws IOException {
        writer.floats("norm.weight", new float[]{1, 2}, 2);
        try (Checkpoint checkpoint = open(writer, config)) {
            assertThat(checkpoint.tensors()).extracting(CheckpointTensor::name)
                    .containsExactly("norm.weight", "p.weight");
            CheckpointTensor tensor = checkpoint.find("p.weight").orElseThrow();
            assertThat(tensor.shape()).isEqualTo(TensorShape.matrix(ROWS, COLUMNS));
            assertThat(tensor.stored()).isEqualTo(stored);
            QuantTensor read = checkpoint.read(tensor);
            assertThat(read.format()).isEqualTo(format).isEqualTo(tensor.format());
            assertThat(values(read)).usingElementComparator(
                    (one, other) -> one.floatValue() == other ? 0 : 1).containsExactly(expected);
        }
    }

    private SafetensorsWriter gptq(int bits, int groups, int storedLess) {
        int perWord = 32 / bits;
        int[] words = new int[COLUMNS / perWord * ROWS];
        for (int column = 0; column < COLUMNS; column++) {
            for (int row = 0; row < ROWS; row++) {
                words[column / perWord * ROWS + row] |= codes[row][column] << column % perWord
                        * bits;
            }
        }
        int mask = (1 << bits) - 1;
        return new SafetensorsWriter().ints("p.qweight", words, COLUMNS / perWord, ROWS)
                .ints("p.qzeros", pack(groups, ROWS, bits,
                        (group, row) -> zeros[row][group] - storedLess & mask),
                        groups, ROWS / perWord)
                .halves("p.scales", flat(groups, ROWS, scales, true), groups, ROWS);
    }

    private static SafetensorsWriter withGroups(SafetensorsWriter writer, Group group) {
        int[] index = new int[COLUMNS];
        for (int column = 0; column < COLUMNS; column++) {
            index[column] = group.of(column);
        }
        return writer.ints("p.g_idx", index, COLUMNS);
    }

    @ParameterizedTest
    @CsvSource({"gptq, 1, 4, true, INT4_G128", "gptq, 1, 4, false, INT4_ZERO_G128",
        "gptq_v2, 0, 4, true, INT4_G128", "gptq_v2, 0, 4, false, INT4_ZERO_G128",
        "gptq, 1, 8, true, Q8_0"})
    void gptqKeepsItsCodes(String version, int storedLess, int bits, boolean symmetric,
            QuantFormat format) throws IOException {
        fill(bits, 2, symmetric);
        String config = "{\"quant_method\":\"gptq\",\"bits\":" + bits + ",\"group_size\":128,"
                + "\"desc_act\":false,\"checkpoint_format\":\"" + version + "\"}";
        assertWeight(withGroups(gptq(bits, 2, storedLess), column -> column / 128), config, format,
                "GPTQ int" + bits + ", groups of 128, as " + format,
                expected(column -> column / 128));
    }

    /** Products of seven and four bits fit the eleven of a float16. */
    @Test
    void gptqMultipliesScatteredGroupsOut() throws IOException {
        fill(4, 4, false);
        assertWeight(withGroups(gptq(4, 4, 1), column -> column * 7 % 4),
                "{\"quant_method\":\"gptq\",\"bits\":4,\"group_size\":64,\"desc_act\":true}",
                QuantFormat.F16, "GPTQ int4, groups of 64, scattered groups, as F16 or INT4_ZERO",
                expected(column -> column * 7 % 4));
    }

    @ParameterizedTest
    @CsvSource({"64, true, Q4_0", "64, false, INT4_ZERO", "128, true, INT4_G128",
        "128, false, INT4_ZERO_G128"})
    void scatteredGroupsCanBeHadInTheirOrder(int columns, boolean symmetric, QuantFormat format)
            throws IOException {
        int groups = COLUMNS / columns;
        fill(4, groups, symmetric);
        Group group = column -> column * 7 % groups;
        try (Checkpoint checkpoint = open(withGroups(gptq(4, groups, 1), group),
                "{\"quant_method\":\"gptq\",\"bits\":4,\"group_size\":" + columns + "}")) {
            CheckpointTensor tensor = checkpoint.find("p.weight").orElseThrow();
            assertThat(tensor.stored()).isEqualTo("GPTQ int4, groups of " + columns
                    + ", scattered groups, as F16 or " + format);
            OrderedTensor ordered = checkpoint.readOrdered(tensor);
            assertThat(ordered.tensor().format()).isEqualTo(format).isEqualTo(tensor.ordered());
            float[] inOrder = values(ordered.tensor());
            float[] expected = expected(group);
            for (int i = 0; i < expected.length; i++) {
                int from = i / COLUMNS * COLUMNS + ordered.order()[i % COLUMNS];
                assertThat(inOrder[i]).isEqualTo(expected[from]);
            }
            assertThat(ordered.order()).doesNotHaveDuplicates();
        }
    }

    /** Three columns in ten are the first group's: no order makes blocks of that. */
    @Test
    void groupsOfUnequalSizesHaveNoOrder() throws IOException {
        fill(4, 2, true);
        try (Checkpoint checkpoint = open(withGroups(gptq(4, 2, 1), column -> column % 10 < 3
                ? 0
                : 1), "{\"quant_method\":\"gptq\",\"bits\":4,\"group_size\":128}")) {
            CheckpointTensor tensor = checkpoint.find("p.weight").orElseThrow();
            assertThat(tensor.ordered()).isNull();
            assertThat(tensor.format()).isEqualTo(QuantFormat.F16);
        }
    }

    @Test
    void gptqLeavesOutBiasesOfZeros() throws IOException {
        fill(4, 2, true);
        SafetensorsWriter writer = gptq(4, 2, 1).halves("p.bias", new float[ROWS], ROWS)
                .halves("other.bias", new float[1], 1);
        try (Checkpoint checkpoint = open(writer, "{\"quant_method\":\"gptq\",\"bits\":4}")) {
            assertThat(checkpoint.tensors()).extracting(CheckpointTensor::name)
                    .containsExactly("other.bias", "p.weight");
        }
    }

    @Test
    void gptqTakesWholeRowsAsGroups() throws IOException {
        fill(4, 1, true);
        assertWeight(gptq(4, 1, 1), "{\"quant_method\":\"gptq\",\"bits\":4,\"group_size\":-1}",
                QuantFormat.INT4_G128, "GPTQ int4, a scale per row, as INT4_G128",
                expected(column -> 0));
    }

    @ParameterizedTest
    @CsvSource({"true, Q4_0", "false, INT4_ZERO"})
    void awqPutsItsInterleavedRowsInOrder(boolean symmetric, QuantFormat format)
            throws IOException {
        fill(4, 4, symmetric);
        int[] words = new int[COLUMNS * ROWS / 8];
        int[] zeroWords = new int[4 * ROWS / 8];
        for (int word = 0; word < ROWS / 8; word++) {
            for (int i = 0; i < 8; i++) {
                int row = word * 8 + AWQ_ORDER[i];
                for (int column = 0; column < COLUMNS; column++) {
                    words[column * ROWS / 8 + word] |= codes[row][column] << 4 * i;
                }
                for (int group = 0; group < 4; group++) {
                    zeroWords[group * ROWS / 8 + word] |= zeros[row][group] << 4 * i;
                }
            }
        }
        SafetensorsWriter writer = new SafetensorsWriter()
                .ints("p.qweight", words, COLUMNS, ROWS / 8)
                .ints("p.qzeros", zeroWords, 4, ROWS / 8)
                .halves("p.scales", flat(4, ROWS, scales, true), 4, ROWS);
        assertWeight(writer, "{\"quant_method\":\"awq\",\"bits\":4,\"group_size\":64,"
                + "\"zero_point\":true,\"version\":\"gemm\"}", format,
                "AWQ int4, groups of 64, as " + format, expected(column -> column / 64));
    }

    private SafetensorsWriter packed(int bits, int groups) {
        return new SafetensorsWriter()
                .ints("p.weight_packed", pack(ROWS, COLUMNS, bits, (row, c) -> codes[row][c]), ROWS,
                        COLUMNS * bits / 32)
                .tensor("p.weight_shape", "I64", ByteBuffer.allocate(16)
                        .order(ByteOrder.LITTLE_ENDIAN).putLong(ROWS).putLong(COLUMNS).array(), 2)
                .brainFloats("p.weight_scale", flat(ROWS, groups, scales, false), ROWS, groups);
    }

    @ParameterizedTest
    @CsvSource({"4, 8, Q4_0, 'groups of 32'", "4, 2, INT4_G128, 'groups of 128'",
        "8, 2, Q8_0, 'groups of 128'", "8, 1, INT8_CHANNEL, 'a scale per row'",
        "4, 1, INT4_G128, 'a scale per row'"})
    void compressedTensorsUnpackRows(int bits, int groups, QuantFormat format, String grouped)
            throws IOException {
        fill(bits, groups, true);
        assertWeight(packed(bits, groups),
                "{\"quant_method\":\"compressed-tensors\",\"format\":\"pack-quantized\"}", format,
                "packed int" + bits + ", " + grouped + ", as " + format,
                expected(column -> column / (COLUMNS / groups)));
    }

    @Test
    void compressedTensorsUnpackZeroPointsDownTheRows() throws IOException {
        fill(4, 2, false);
        int[] words = new int[ROWS / 8 * 2];
        for (int row = 0; row < ROWS; row++) {
            for (int group = 0; group < 2; group++) {
                words[row / 8 * 2 + group] |= zeros[row][group] << row % 8 * 4;
            }
        }
        assertWeight(packed(4, 2).ints("p.weight_zero_point", words, ROWS / 8, 2),
                "{\"quant_method\":\"compressed-tensors\",\"format\":\"pack-quantized\"}",
                QuantFormat.INT4_ZERO_G128, "packed int4, groups of 128, as INT4_ZERO_G128",
                expected(column -> column / 128));
    }

    @ParameterizedTest
    @CsvSource({"1, 'a scale per row'", "4, 'groups of 64'", "0, 'one scale'"})
    void compressedBytesKeepTheirCodes(int groups, String grouped) throws IOException {
        fill(8, Math.max(groups, 1), true);
        byte[] bytes = new byte[ROWS * COLUMNS];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (codes[i / COLUMNS][i % COLUMNS] - 128);
        }
        SafetensorsWriter writer = new SafetensorsWriter().tensor("p.weight", "I8", bytes, ROWS,
                COLUMNS);
        if (groups == 0) {
            for (float[] row : scales) {
                row[0] = 0.01171875f;
            }
            writer.floats("p.weight_scale", new float[]{0.01171875f}, 1);
        } else {
            writer.brainFloats("p.weight_scale", flat(ROWS, groups, scales, false), ROWS, groups);
        }
        QuantFormat format = groups > 1 ? QuantFormat.Q8_0 : QuantFormat.INT8_CHANNEL;
        assertWeight(writer.floats("p.input_scale", new float[]{1}, 1),
                "{\"quant_method\":\"compressed-tensors\",\"format\":\"int-quantized\"}",
                format, "int8, " + grouped + ", as " + format,
                expected(column -> groups == 0 ? 0 : column * groups / COLUMNS));
    }

    /** E4M3 by its definition: no infinity, and the largest magnitude is 448. */
    private static float floatEight(int bits) {
        int exponent = bits >> 3 & 15;
        double magnitude = exponent == 0
                ? (bits & 7) / 8.0 * Math.pow(2, -6)
                : (1 + (bits & 7) / 8.0) * Math.pow(2, exponent - 7);
        return (float) (bits > 127 ? -magnitude : magnitude);
    }

    @ParameterizedTest
    @ValueSource(strings = {"block", "row", "tensor"})
    void floatsOfEightBitsTimesTheirScales(String scaled) throws IOException {
        int blockRows = scaled.equals("block") ? 16 : scaled.equals("row") ? 1 : ROWS;
        int blockColumns = scaled.equals("block") ? 96 : COLUMNS;
        int down = (ROWS + blockRows - 1) / blockRows;
        int across = (COLUMNS + blockColumns - 1) / blockColumns;
        float[] blockScales = new float[down * across];
        for (int i = 0; i < blockScales.length; i++) {
            blockScales[i] = (float) ((1 + random.nextInt(127)) * 0x1p-12);
        }
        byte[] bytes = new byte[ROWS * COLUMNS];
        float[] expected = new float[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            int bits = random.nextInt(255);
            bits = (bits & 127) == 127 ? 0 : bits;
            bytes[i] = (byte) bits;
            int scale = i / COLUMNS / blockRows * across + i % COLUMNS / blockColumns;
            expected[i] = Float.float16ToFloat(
                    Float.floatToFloat16(floatEight(bits) * blockScales[scale]));
        }
        boolean block = scaled.equals("block");
        SafetensorsWriter writer = new SafetensorsWriter().tensor("p.weight", "F8_E4M3", bytes,
                ROWS, COLUMNS);
        writer = scaled.equals("tensor")
                ? writer.floats("p.weight_scale", blockScales, 1)
                : writer.floats(block ? "p.weight_scale_inv" : "p.weight_scale", blockScales, down,
                        across);
        assertWeight(writer, "{\"quant_method\":\"fp8\",\"weight_block_size\":[16,96]}",
                QuantFormat.F16, "F8_E4M3, " + (block
                        ? "scales of 16 x 96"
                        : scaled.equals("row") ? "a scale per row" : "one scale") + ", as F16",
                expected);
    }

    @Test
    void scalesThatNoHalfHoldsKeepTheirBits() throws IOException {
        fill(4, 2, true);
        scales[3][1] = 1e-7f;
        assertWeight(new SafetensorsWriter()
                .ints("p.weight_packed", pack(ROWS, COLUMNS, 4, (row, c) -> codes[row][c]), ROWS,
                        COLUMNS / 8)
                .ints("p.weight_shape", new int[]{ROWS, COLUMNS}, 2)
                .floats("p.weight_scale", flat(ROWS, 2, scales, false), ROWS, 2),
                "{\"quant_method\":\"compressed-tensors\",\"format\":\"pack-quantized\"}",
                QuantFormat.F32, "packed int4, groups of 128, as F32",
                expected(column -> column / 128));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {"quant_method":"bitsandbytes"}                                | by "bitsandbytes"
            {"quant_method":"gptq","bits":3}                               | GPTQ to 3 bits
            {"quant_method":"gptq","bits":4,"checkpoint_format":"marlin"}  | format "marlin"
            {"quant_method":"awq","bits":4,"version":"gemv"}               | version "gemv"
            {"quant_method":"compressed-tensors","format":"marlin-24"}     | format "marlin-24"
            {"quant_method":"gptq","bits":4,"group_size":0}                | groups of 0
            {"quant_method":"fp8","weight_block_size":[0,1]}               | blocks of 0
            {}                                                             | by ""
            """)
    void refusesWhatItDoesNotRead(String config, String message) {
        assertThatThrownBy(() -> open(new SafetensorsWriter(), config).close())
                .isInstanceOf(SafetensorsException.class).hasMessageContaining(message)
                .hasMessageContaining("take a GGUF file");
    }

    @ParameterizedTest
    @ValueSource(strings = {"p.qzeros", "p.scales"})
    void namesPartsThatAreMissing(String missing) {
        fill(4, 2, true);
        SafetensorsWriter writer = new SafetensorsWriter().ints("p.qweight",
                new int[COLUMNS / 8 * ROWS], COLUMNS / 8, ROWS);
        if (missing.equals("p.qzeros")) {
            writer.halves("p.scales", new float[2 * ROWS], 2, ROWS);
        }
        assertThatThrownBy(() -> open(writer,
                "{\"quant_method\":\"gptq\",\"bits\":4,\"group_size\":128}").close())
                .isInstanceOf(SafetensorsException.class)
                .hasMessageContaining("\"p\" has no " + missing.substring(2));
    }

    @Test
    void refusesGroupsThatAreNotThere() {
        fill(4, 2, true);
        for (int bad : new int[]{-1, 2, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> open(withGroups(gptq(4, 2, 1), column -> bad),
                    "{\"quant_method\":\"gptq\",\"bits\":4,\"group_size\":128}").close())
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessageContaining("places column 0 in group " + bad);
        }
    }
}
