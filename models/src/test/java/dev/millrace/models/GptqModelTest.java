package dev.millrace.models;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.fixtures.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/** A directory as GPTQ writes it with groups of scattered columns, fused projections among them. */
class GptqModelTest {

    private static final int EMBEDDING = 64;
    private static final int NETWORK = 96;
    private static final int VOCABULARY = 40;
    private static final int GROUP_COLUMNS = 32;
    private static final String CONFIG = """
            {"model_type": "phi3", "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
            "vocab_size": 40, "max_position_embeddings": 64, "rms_norm_eps": 1e-5,
            "original_max_position_embeddings": 64, "tie_word_embeddings": false,
            "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32,
            "desc_act": true}}""";

    @TempDir
    private Path folder;
    private final Random random = new Random(6);
    private final SafetensorsWriter writer = new SafetensorsWriter();

    private void floats(String name, int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
        }
        writer.floats(name, values, rows == 1 ? new long[]{columns} : new long[]{rows, columns});
    }

    /** Eight codes to a word; column c is of group c * 5 % groups. */
    private void scattered(String name, int rows, int columns) {
        int groups = columns / GROUP_COLUMNS;
        float[] scales = new float[groups * rows];
        for (int i = 0; i < scales.length; i++) {
            scales[i] = (64 + random.nextInt(64)) * 0x1p-10f;
        }
        int[] index = new int[columns];
        for (int column = 0; column < columns; column++) {
            index[column] = column * 5 % groups;
        }
        writer.ints(name + ".qweight", random.ints((long) columns / 8 * rows).toArray(),
                columns / 8, rows)
                .ints(name + ".qzeros", random.ints((long) groups * rows / 8).toArray(), groups,
                        rows / 8)
                .halves(name + ".scales", scales, groups, rows)
                .ints(name + ".g_idx", index, columns);
    }

    private Model open() throws IOException {
        Files.writeString(folder.resolve("config.json"), CONFIG);
        floats("model.embed_tokens.weight", VOCABULARY, EMBEDDING);
        floats("lm_head.weight", VOCABULARY, EMBEDDING);
        floats("model.norm.weight", 1, EMBEDDING);
        String layer = "model.layers.0.";
        floats(layer + "input_layernorm.weight", 1, EMBEDDING);
        floats(layer + "post_attention_layernorm.weight", 1, EMBEDDING);
        scattered(layer + "self_attn.qkv_proj", 2 * EMBEDDING, EMBEDDING);
        scattered(layer + "self_attn.o_proj", EMBEDDING, EMBEDDING);
        scattered(layer + "mlp.gate_up_proj", 2 * NETWORK, EMBEDDING);
        scattered(layer + "mlp.down_proj", EMBEDDING, NETWORK);
        writer.write(folder.resolve("model.safetensors"));
        return Model.open(folder);
    }

    private static float[] values(QuantTensor tensor) {
        float[] values = new float[(int) tensor.shape().elements()];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    @Test
    void givesWeightsInTheOrderOfTheirGroupsToo() throws IOException {
        try (Model model = open()) {
            Weights weights = model.weights();
            for (WeightRole role : List.of(WeightRole.QUERY, WeightRole.KEY, WeightRole.VALUE,
                    WeightRole.ATTENTION_OUTPUT, WeightRole.GATE, WeightRole.UP,
                    WeightRole.DOWN)) {
                QuantTensor plain = weights.get(role, 0);
                OrderedTensor ordered = weights.findOrdered(role, 0, Weights.NO_EXPERT);
                assertThat(plain.format()).isEqualTo(QuantFormat.F16);
                assertThat(weights.orderedFormat(role, 0, Weights.NO_EXPERT))
                        .isEqualTo(QuantFormat.INT4_ZERO).isEqualTo(ordered.tensor().format());
                assertThat(ordered.tensor().shape()).isEqualTo(role.shape(model.spec(), 0));
                float[] expected = values(plain);
                float[] actual = values(ordered.tensor());
                int columns = ordered.order().length;
                for (int i = 0; i < actual.length; i++) {
                    float value = expected[i / columns * columns + ordered.order()[i % columns]];
                    assertThat(actual[i]).as("%s, element %d", role, i).isCloseTo(value,
                            within(Math.abs(value) * 0x1p-11f));
                }
            }
        }
    }

    @Test
    void whatHasNoGroupsHasOneFormOnly() throws IOException {
        try (Model model = open()) {
            for (WeightRole role : List.of(WeightRole.TOKEN_EMBEDDING, WeightRole.OUTPUT)) {
                assertThat(model.weights().orderedFormat(role, Weights.NO_LAYER,
                        Weights.NO_EXPERT)).isNull();
                assertThat(model.weights().findOrdered(role, Weights.NO_LAYER,
                        Weights.NO_EXPERT)).isNull();
            }
            assertThat(model.weights().findOrdered(WeightRole.ATTENTION_NORM, 0,
                    Weights.NO_EXPERT)).isNull();
        }
    }
}
