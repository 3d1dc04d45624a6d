package dev.millrace.models.safetensors;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.fixtures.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Banks of four-bit floats are what transformers' convert_moe_packed_tensors makes of them. */
class Mxfp4CheckpointTest {

    private static final float[] FLOATS = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2,
        -3, -4, -6};
    private static final JsonNode MXFP4 = JsonMapper.shared()
            .readTree("{\"quant_method\": \"mxfp4\"}");
    private static final int EXPERTS = 3;
    private static final int ROWS = 20;
    private static final int BLOCKS = 2;

    @TempDir
    Path folder;

    @Test
    void readsEveryCodeOfABank() throws IOException {
        Random random = new Random(4);
        byte[] codes = new byte[EXPERTS * ROWS * BLOCKS * 16];
        byte[] scales = new byte[EXPERTS * ROWS * BLOCKS];
        random.nextBytes(codes);
        for (int i = 0; i < scales.length; i++) {
            scales[i] = (byte) (120 + random.nextInt(10));
        }
        new SafetensorsWriter().tensor("experts.down_proj_blocks", "U8", codes, EXPERTS, ROWS,
                BLOCKS, 16).tensor("experts.down_proj_scales", "U8", scales, EXPERTS, ROWS, BLOCKS)
                .write(folder.resolve("model.safetensors"));
        try (Checkpoint checkpoint = Checkpoint.open(folder, MXFP4)) {
            CheckpointTensor tensor = checkpoint.find("experts.down_proj").orElseThrow();
            assertThat(tensor.shape()).isEqualTo(new TensorShape(EXPERTS, ROWS, BLOCKS * 32));
            assertThat(checkpoint.tensors()).containsExactly(tensor);

            QuantTensor read = checkpoint.read(tensor);

            assertThat(read.format()).isEqualTo(QuantFormat.MXFP4);
            float[] values = new float[EXPERTS * ROWS * BLOCKS * 32];
            new Dequantizer(read.format()).dequantize(read, 0, values.length, values, 0);
            for (int i = 0; i < values.length; i++) {
                int pair = codes[i / 2];
                int code = i % 2 == 0 ? pair & 15 : pair >> 4 & 15;
                assertThat(values[i]).as("element %d", i)
                        .isEqualTo(Math.scalb(FLOATS[code], (scales[i / 32] & 0xff) - 127));
            }
        }
    }

    @Test
    void refusesScalesThatDoNotFit() throws IOException {
        new SafetensorsWriter().tensor("experts.down_proj_blocks", "U8", new byte[64], 1, 2, 2, 16)
                .tensor("experts.down_proj_scales", "U8", new byte[2], 1, 2, 1)
                .write(folder.resolve("model.safetensors"));
        assertThatThrownBy(() -> Checkpoint.open(folder, MXFP4))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageContaining("experts.down_proj").hasMessageContaining("[1, 2, 1] U8");
    }
}
