package dev.millrace.models;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.EncoderSpec.Pooling;
import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.SafetensorsWriter;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

class EncoderModelTest {

    private static final EncoderSpec SIZES = new EncoderSpec("bert", "tiny", 20, 8, 0, 2, 12, 16, 2,
            3,
            1e-5f, Pooling.MEAN, true);
    private static final String CONFIG = """
            {"model_type": "bert", "hidden_size": 12, "num_attention_heads": 3, "vocab_size": 20,
            "max_position_embeddings": 8, "intermediate_size": 16, "num_hidden_layers": 2,
            "layer_norm_eps": 1e-5}""";

    @TempDir
    Path folder;

    private final Map<String, float[]> tensors = new TreeMap<>();
    private Path directory;

    @BeforeEach
    void writeDirectory() throws IOException {
        directory = Files.createDirectory(folder.resolve("tiny"));
        write(directory, CONFIG, "");
    }

    private void write(Path target, String config, String prefix) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        forEachTensor((role, layer, suffix, shape) -> {
            String name = prefix + role.transformersName(layer) + suffix;
            float[] values = values(name, shape);
            if (shape.rows() == 1) {
                writer.floats(name, values, shape.columns());
            } else {
                writer.floats(name, values, shape.rows(), shape.columns());
            }
        });
        writer.write(target.resolve("model.safetensors"));
        Files.writeString(target.resolve("config.json"), config);
    }

    @FunctionalInterface
    private interface TensorVisitor {
        void visit(EncoderRole role, int layer, String suffix, TensorShape shape);
    }

    private static void forEachTensor(TensorVisitor visitor) {
        for (EncoderRole role : EncoderRole.of(SIZES)) {
            for (int layer = 0; layer < (role.perLayer() ? SIZES.layers() : 1); layer++) {
                int place = role.perLayer() ? layer : EncoderModel.NO_LAYER;
                visitor.visit(role, place, ".weight", role.shape(SIZES));
                if (role.biased()) {
                    visitor.visit(role, place, ".bias", role.biasShape(SIZES));
                }
            }
        }
    }

    private float[] values(String name, TensorShape shape) {
        return tensors.computeIfAbsent(name, key -> {
            float[] values = new float[(int) shape.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = key.hashCode() % 1000 + i / 100f;
            }
            return values;
        });
    }

    private GgufWriter gguf() {
        GgufWriter writer = new GgufWriter().string("general.architecture", "bert")
                .string("general.name", "tiny").uint32("bert.embedding_length", 12)
                .uint32("bert.attention.head_count", 3).uint32("bert.context_length", 8)
                .uint32("bert.feed_forward_length", 16).uint32("bert.block_count", 2)
                .float32("bert.attention.layer_norm_epsilon", 1e-5f)
                .strings("tokenizer.ggml.tokens",
                        IntStream.range(0, 20).mapToObj(i -> "t" + i).toList());
        forEachTensor((role, layer, suffix, shape) -> {
            ByteBuffer bytes = ByteBuffer.allocate(4 * (int) shape.elements())
                    .order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values(role.transformersName(layer) + suffix, shape));
            long[] dimensions = shape.rows() == 1
                    ? new long[]{shape.columns()}
                    : new long[]{shape.columns(), shape.rows()};
            writer.tensor(role.ggufName(layer) + suffix, GgufTensorType.F32, bytes.array(),
                    dimensions);
        });
        return writer;
    }

    @Test
    void readsTheSameFromADirectoryAndAGgufFile() throws IOException {
        Path wrapped = Files.createDirectory(folder.resolve("wrapped"));
        write(wrapped, CONFIG, "bert.");
        Path file = gguf().write(folder.resolve("tiny.gguf"));
        for (Path path : List.of(directory, wrapped, file)) {
            try (EncoderModel model = (EncoderModel) OpenedModel.open(path)) {
                assertThat(model.spec()).usingRecursiveComparison().ignoringFields("name")
                        .isEqualTo(SIZES);
                String prefix = path.equals(wrapped) ? "bert." : "";
                forEachTensor((role, layer, suffix, shape) -> assertThat(
                        floats(suffix.equals(".bias")
                                ? model.bias(role, layer)
                                : model.weight(role, layer)))
                        .isEqualTo(tensors.get(prefix + role.transformersName(layer) + suffix)));
                assertThat(model.tensors()).hasSize(37).allMatch(
                        entry -> model.tensor(entry.name()).shape().equals(entry.shape()));
                assertThat(model.metadata()).isNotEmpty();
            }
        }
    }

    private static float[] floats(QuantTensor tensor) {
        float[] values = new float[(int) tensor.shape().elements()];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
        return values;
    }

    @ParameterizedTest
    @CsvSource({"pooling_mode_cls_token, FIRST", "pooling_mode_lasttoken, LAST",
        "pooling_mode_mean_tokens, MEAN"})
    void poolsAsTheDirectorySays(String key, Pooling pooling) throws IOException {
        Path config = Files.createDirectory(directory.resolve("1_Pooling"));
        Files.writeString(config.resolve("config.json"), "{\"" + key + "\": true}");

        try (EncoderModel model = EncoderModel.open(directory)) {
            assertThat(model.spec().pooling()).isEqualTo(pooling);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, MEAN", "2, FIRST", "3, LAST"})
    void poolsAsTheFileSays(int type, Pooling pooling) {
        Path file = gguf().uint32("bert.pooling_type", type).write(folder.resolve("a.gguf"));

        try (EncoderModel model = EncoderModel.open(file)) {
            assertThat(model.spec().pooling()).isEqualTo(pooling);
        }
    }

    @Test
    void saysWhatItDoesNotCompute() throws IOException {
        assertRefused(CONFIG.replace("\"vocab_size\"", "\"hidden_act\": \"relu\", \"vocab_size\""),
                "hidden_act is \"relu\"");
        assertRefused(CONFIG.replace("\"num_attention_heads\": 3", "\"num_attention_heads\": 5"),
                "5 heads do not divide");
        assertRefused(CONFIG.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
                "lacks the weight of QUERY in layer 2");
        assertRefused(CONFIG.replace("\"intermediate_size\": 16", "\"intermediate_size\": 24"),
                "the weight of UP in layer 0");
        assertRefused(CONFIG.replace("\"bert\"", "\"llama\""), "model_type");
        Files.writeString(directory.resolve("config.json"), CONFIG);
        Files.createDirectory(directory.resolve("1_Pooling"));
        Files.writeString(directory.resolve("1_Pooling/config.json"),
                "{\"pooling_mode_max_tokens\": true}");
        assertThatThrownBy(() -> EncoderModel.open(directory)).isInstanceOf(ModelException.class)
                .hasMessageContaining("a pooling that this version does not compute");
        Path file = gguf().uint32("bert.pooling_type", 4).write(folder.resolve("rank.gguf"));
        assertThatThrownBy(() -> EncoderModel.open(file)).isInstanceOf(ModelException.class)
                .hasMessageContaining("bert.pooling_type");
    }

    @Test
    void aHeadWithOneLabelScoresAndOneWithMoreIsRefused() throws IOException {
        String head = CONFIG.replace("\"vocab_size\"",
                "\"architectures\": [\"BertForSequenceClassification\"], \"vocab_size\"");
        assertRefused(head, "id2label is null; it must be one label");
        assertRefused(
                head.replace("{\"model", "{\"id2label\": {\"0\": \"a\", \"1\": \"b\"}, \"model"),
                "one label: cross-encoders that score pairs are computed, classifiers are not");
        assertRefused(head.replace("{\"model", "{\"id2label\": {\"0\": \"a\"}, \"model"),
                "lacks the weight of SCORE_DENSE");
    }

    @Test
    void positionsOfRobertaBeginBehindThePaddings() throws IOException {
        String roberta = CONFIG.replace("\"bert\"", "\"xlm-roberta\", \"pad_token_id\": 1");
        Files.writeString(directory.resolve("config.json"), roberta);
        try (EncoderModel model = EncoderModel.open(directory)) {
            assertThat(model.spec().contextTokens()).isEqualTo(6);
            assertThat(model.spec().firstPosition()).isEqualTo(2);
            assertThat(model.spec().architecture()).isEqualTo("xlm-roberta");
        }
        assertRefused(roberta.replace("\"pad_token_id\": 1", "\"pad_token_id\": 7"),
                "more than 8, since positions begin after the padding's");
    }

    private void assertRefused(String config, String reason) throws IOException {
        Files.writeString(directory.resolve("config.json"), config);
        assertThatThrownBy(() -> EncoderModel.open(directory)).isInstanceOf(ModelException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void knowsAnEncoderFromOtherModels() {
        Path llama = TinyModels.llama().write(folder);

        try (OpenedModel opened = OpenedModel.open(llama)) {
            assertThat(opened).isInstanceOf(Model.class);
        }
        assertThatThrownBy(() -> EncoderModel.open(llama)).isInstanceOf(ModelException.class)
                .hasMessageContaining("\"bert\" for an encoder");
        assertThatThrownBy(() -> OpenedModel.open(folder.resolve("absent.gguf")))
                .isInstanceOf(ModelException.class);
    }
}
