package dev.millrace.models;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.RopeSpec.Layout;
import dev.millrace.models.fixtures.SafetensorsWriter;
import dev.millrace.models.safetensors.Checkpoint;
import dev.millrace.models.safetensors.CheckpointTensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** Directories as transformers writes them: what configs say, and what tensors become. */
class HfModelTest {

    private static final String SIZES = """
            "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 4,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 50,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-6""";

    @TempDir
    Path folder;

    /** A config of a type with the usual sizes and more. */
    private static String config(String type, String more) {
        return "{\"model_type\": \"" + type + "\", " + SIZES + more + "}";
    }

    /** Writes a config and every tensor that it asks for, each filled with numbers of its own. */
    private SafetensorsWriter tensors(String config) throws IOException {
        return tensors(config, true);
    }

    private SafetensorsWriter tensors(String config, boolean separateExperts) throws IOException {
        Path file = Files.writeString(folder.resolve("config.json"), config);
        HfConfig read = HfConfig.read(file);
        HfFamily family = HfSpecReader.family(read);
        ModelSpec spec = HfSpecReader.read(read, family, "test", true);
        SafetensorsWriter writer = new SafetensorsWriter();
        Set<String> written = new HashSet<>();
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? spec.layers() : 1); layer++) {
                if (!role.neededBy(spec, layer) || role.perExpert() && !separateExperts) {
                    continue;
                }
                int copies = role.perExpert()
                        ? spec.layer(layer).feedForward().experts().count()
                        : 1;
                for (int expert = 0; expert < copies; expert++) {
                    String name = family.name(role, layer, expert);
                    if (written.add(name)) {
                        add(writer, name, family, role, spec, layer);
                    }
                }
            }
        }
        return writer;
    }

    private static void add(SafetensorsWriter writer, String name, HfFamily family,
            WeightRole role, ModelSpec spec, int layer) {
        long rows = GgufNames.fused(family.family(), role).stream()
                .mapToLong(part -> part.shape(spec, layer).rows()).sum();
        int columns = (int) role.shape(spec, layer).columns();
        float[] values = new float[(int) rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = name.hashCode() % 1000 + i / (float) values.length;
        }
        long[] shape = rows == 1 ? new long[]{columns} : new long[]{rows, columns};
        writer.floats(name, values, shape);
    }

    private Model open(String config) throws IOException {
        tensors(config).write(folder.resolve("model.safetensors"));
        return Model.open(folder);
    }

    private static float first(QuantTensor tensor) {
        return tensor.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
    }

    @ParameterizedTest
    @CsvSource({"pooling_mode_lasttoken,", "pooling_mode_mean_tokens, the mean",
        "pooling_mode_cls_token, the first token",
        "pooling_mode_max_tokens, what this version does not compute"})
    void tellsOfAPoolingThatIsNotTheLastTokens(String mode, String wanted) throws IOException {
        Path pooling = Files.createDirectory(folder.resolve("1_Pooling"));
        Files.writeString(pooling.resolve("config.json"), "{\"" + mode + "\": true}");

        try (Model model = open(config("llama", ""))) {
            assertThat(model.otherPooling()).isEqualTo(Optional.ofNullable(wanted)
                    .map(what -> "1_Pooling/config.json asks for " + what));
        }
    }

    @Test
    void readsALlamaOfOldTransformers() throws IOException {
        try (Model model = open(config("llama", """
                , "rope_theta": 500000.0, "tie_word_embeddings": false, "rope_scaling":
                {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 32}"""))) {
            assertThat(model.spec()).isEqualTo(ModelSpec.uniform("llama",
                    folder.getFileName().toString(), 50, 64, 24, 1e-6f,
                    AttentionSpec.of(4, 2, 6), 4, new LayerSpec(
                            new RopeSpec(Layout.HALVES, 6, 500_000,
                                    new RopeScaling.Llama3(8, 1, 4, 32)),
                            FeedForwardSpec.dense(40))));
            assertThat(model.metadata()).containsEntry("rope_scaling.factor", 8.0)
                    .containsEntry("hidden_size", 24L);
            assertThat(model.tensors()).hasSize(3 + 4 * 9);
            assertThat(model.tokenizerProblem()).isPresent();
            assertThat(model.chatTemplateProblem()).contains("the directory has no chat template");
        }
    }

    @Test
    void readsBiasesTiesAndHeadsOfAnySize() throws IOException {
        try (Model model = open(config("llama", """
                , "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": true,
                "head_dim": 10, "sliding_window": 7"""))) {
            assertThat(model.spec().attention()).isEqualTo(
                    AttentionSpec.of(4, 2, 10).withBias(true, true));
            assertThat(model.spec().layer(0).feedForward().bias()).isTrue();
            assertThat(model.spec().tiedEmbeddings()).isTrue();
            assertThat(model.spec().slidingWindowTokens()).as("llama has none").isZero();
            assertThat(model.weights().get(WeightRole.GATE_BIAS, 2).shape())
                    .isEqualTo(TensorShape.vector(40));
        }
    }

    @Test
    void readsGemma3AsBothGenerationsWriteIt() throws IOException {
        RopeSpec local = new RopeSpec(Layout.HALVES, 6, 10_000);
        RopeSpec global = new RopeSpec(Layout.HALVES, 6, 1_000_000, new RopeScaling.Linear(8));
        for (String rope : List.of("""
                , "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
                "rope_scaling": {"rope_type": "linear", "factor": 8.0},
                "sliding_window_pattern": 2""", """
                , "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}},
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention",
                "full_attention"]""")) {
            try (Model model = open(config("gemma3_text", """
                    , "sliding_window": 5, "query_pre_attn_scalar": 16, "head_dim": 6,
                    "hidden_activation": "gelu_pytorch_tanh"
                    """ + rope))) {
                assertThat(model.spec().layerSpecs()).extracting(LayerSpec::windowTokens)
                        .containsExactly(5, 0, 5, 0);
                assertThat(model.spec().layerSpecs()).extracting(LayerSpec::rope)
                        .containsExactly(local, global, local, global);
                assertThat(model.spec().attention().scale()).isEqualTo(0.25f);
                assertThat(first(model.weights().get(WeightRole.ATTENTION_NORM, 1)))
                        .as("kept minus one")
                        .isEqualTo(first(model.tensor("model.layers.1.input_layernorm.weight"))
                                + 1);
            }
        }
    }

    /** As gemma 3 is published: with images, and without what its authors' library fills in. */
    @Test
    void readsTheTextModelOfOneThatKnowsImages() throws IOException {
        String text = config("gemma3_text", ", \"head_dim\": 6, \"sliding_window\": 5");
        String whole = "{\"model_type\": \"gemma3\", \"text_config\": "
                + text.replace("\"rms_norm_eps\": 1e-6", "\"rope_scaling\": null")
                + ", \"vision_config\": {\"hidden_size\": 9}}";
        for (String prefix : List.of("language_model.model.", "model.language_model.")) {
            SafetensorsWriter writer = new SafetensorsWriter();
            tensors(text).write(folder.resolve("plain.safetensors"));
            try (Checkpoint plain = Checkpoint.open(only("plain.safetensors"), null)) {
                for (CheckpointTensor tensor : plain.tensors()) {
                    if (!tensor.name().equals("lm_head.weight")) {
                        copy(plain, tensor, prefix, writer);
                    }
                }
            }
            writer.floats("vision_tower.x.weight", new float[4], 2, 2);
            Files.delete(folder.resolve("only/plain.safetensors"));
            writer.write(folder.resolve("model.safetensors"));
            Files.writeString(folder.resolve("config.json"), whole);
            try (Model model = Model.open(folder)) {
                assertThat(model.spec().tiedEmbeddings()).isTrue();
                assertThat(model.spec().norm().epsilon()).isEqualTo(1e-6f);
                assertThat(model.spec().attention().scale()).isEqualTo(1 / 16f);
                assertThat(model.spec().layer(3).rope().base()).isEqualTo(10_000);
                assertThat(model.weights().get(WeightRole.DOWN, 3).shape())
                        .isEqualTo(TensorShape.matrix(24, 40));
            }
        }
    }

    private Path only(String name) throws IOException {
        Path directory = Files.createDirectories(folder.resolve("only"));
        Files.move(folder.resolve(name), directory.resolve(name));
        return directory;
    }

    private static void copy(Checkpoint plain, CheckpointTensor tensor, String prefix,
            SafetensorsWriter writer) {
        TensorShape shape = tensor.shape();
        writer.tensor(tensor.name().replaceFirst("^model\\.", prefix), "F32",
                plain.read(tensor).data().toArray(ValueLayout.JAVA_BYTE),
                shape.rows() == 1
                        ? new long[]{shape.columns()}
                        : new long[]{shape.rows(), shape.columns()});
    }

    @Test
    void takesFusedProjectionsApart() throws IOException {
        try (Model model = open(config("phi3", """
                , "original_max_position_embeddings": 16, "rope_scaling": {"type": "longrope",
                "short_factor": [1, 1.5, 2], "long_factor": [2, 3, 4]}"""))) {
            Weights weights = model.weights();
            QuantTensor fused = model.tensor("model.layers.3.self_attn.qkv_proj.weight");
            for (WeightRole role : List.of(WeightRole.QUERY, WeightRole.KEY, WeightRole.VALUE)) {
                assertThat(weights.get(role, 3).shape()).isEqualTo(role.shape(model.spec(), 3));
            }
            assertThat(weights.get(WeightRole.VALUE, 3).data().address()
                    - fused.data().address()).isEqualTo((24 + 12) * 24 * Float.BYTES);
            assertThat(weights.get(WeightRole.UP, 0).data().address()
                    - weights.get(WeightRole.GATE, 0).data().address())
                    .isEqualTo(40 * 24 * Float.BYTES);
            assertThat(model.spec().layer(0).rope().scaling()).isEqualTo(new RopeScaling.LongRope(
                    List.of(1f, 1.5f, 2f), List.of(2f, 3f, 4f), 16, (float) Math.sqrt(1.5)));
        }
    }

    @Test
    void readsExpertsAndLayersWithout() throws IOException {
        try (Model model = open(config("qwen2_moe", """
                , "num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
                "shared_expert_intermediate_size": 32, "decoder_sparse_step": 2,
                "mlp_only_layers": [3]"""))) {
            assertThat(model.spec().layerSpecs()).extracting(layer -> layer.feedForward().experts())
                    .containsExactly(null, new ExpertSpec(5, 2, false, false, 32), null, null);
            Weights weights = model.weights();
            assertThat(weights.get(WeightRole.EXPERT_DOWN, 1, 4).shape())
                    .isEqualTo(TensorShape.matrix(24, 16));
            assertThat(weights.find(WeightRole.EXPERT_DOWN, 0, 0)).isNull();
            assertThatIllegalArgumentException().isThrownBy(
                    () -> weights.find(WeightRole.EXPERT_DOWN, 1, 5))
                    .withMessageContaining("from 0 to 4, got 5");
            assertThatIllegalArgumentException().isThrownBy(
                    () -> weights.find(WeightRole.QUERY, 1, 0)).withMessageContaining("no expert");
        }
    }

    /** Adds a tensor per layer with all experts' weights of a role. */
    private static void addBank(SafetensorsWriter writer, String name, long... shape) {
        long elements = 1;
        for (long extent : shape) {
            elements *= extent;
        }
        float[] values = new float[(int) elements];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        writer.floats(name, values, shape);
    }

    private static float at(QuantTensor tensor, long row, long column) {
        return tensor.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED,
                (row * tensor.shape().columns() + column) * Float.BYTES);
    }

    @Test
    void takesExpertsOfGptOssOutOfTransposedBanksInTurns() throws IOException {
        String config = config("gpt_oss", """
                , "num_local_experts": 3, "num_experts_per_tok": 2, "attention_bias": true,
                "sliding_window": 8, "swiglu_limit": 7.0, "rope_parameters": {"rope_type": "yarn",
                "rope_theta": 150000.0, "factor": 4.0, "beta_fast": 32.0, "beta_slow": 1.0,
                "original_max_position_embeddings": 16, "truncate": false}""");
        SafetensorsWriter writer = tensors(config, false);
        for (int layer = 0; layer < 4; layer++) {
            String experts = "model.layers." + layer + ".mlp.experts.";
            addBank(writer, experts + "gate_up_proj", 3, 24, 80);
            addBank(writer, experts + "down_proj", 3, 40, 24);
            addBank(writer, experts + "gate_up_proj_bias", 3, 80);
            addBank(writer, experts + "down_proj_bias", 3, 24);
        }
        writer.write(folder.resolve("model.safetensors"));
        try (Model model = Model.open(folder)) {
            ModelSpec spec = model.spec();
            assertThat(spec.attention()).isEqualTo(AttentionSpec.of(4, 2, 6)
                    .withBias(true, true).withSinks(true));
            assertThat(spec.layerSpecs()).extracting(LayerSpec::windowTokens)
                    .containsExactly(8, 0, 8, 0);
            assertThat(spec.layer(1).feedForward()).isEqualTo(new FeedForwardSpec(40,
                    GateFunction.CLAMPED_SILU, true, new ExpertSpec(3, 2, true, true, 0)));
            assertThat(spec.layer(0).rope().scaling()).isEqualTo(new RopeScaling.Yarn(4, 16, 32, 1,
                    RopeScaling.yarnAmplitude(4), false));
            Weights weights = model.weights();
            for (long row = 0; row < 40; row += 13) {
                for (long column = 0; column < 24; column += 5) {
                    float gate = 2 * 24 * 80 + column * 80 + 2 * row;
                    assertThat(at(weights.get(WeightRole.EXPERT_GATE, 3, 2), row, column))
                            .isEqualTo(gate);
                    assertThat(at(weights.get(WeightRole.EXPERT_UP, 3, 2), row, column))
                            .isEqualTo(gate + 1);
                    assertThat(at(weights.get(WeightRole.EXPERT_DOWN, 3, 2), column, row))
                            .isEqualTo(2 * 40 * 24 + row * 24 + column);
                }
                assertThat(at(weights.get(WeightRole.EXPERT_UP_BIAS, 0, 1), 0, row))
                        .isEqualTo(80 + 2 * row + 1);
            }
            assertThat(at(weights.get(WeightRole.EXPERT_DOWN_BIAS, 0, 1), 0, 7)).isEqualTo(24 + 7);
        }
    }

    @Test
    void takesStackedExpertsApart() throws IOException {
        String config = config("qwen3_moe", """
                , "num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
                "norm_topk_prob": true""");
        SafetensorsWriter writer = tensors(config, false);
        for (int layer = 0; layer < 4; layer++) {
            addBank(writer, "model.layers." + layer + ".mlp.experts.gate_up_proj", 3, 32, 24);
            addBank(writer, "model.layers." + layer + ".mlp.experts.down_proj", 3, 24, 16);
        }
        writer.write(folder.resolve("model.safetensors"));
        try (Model model = Model.open(folder)) {
            Weights weights = model.weights();
            assertThat(at(weights.get(WeightRole.EXPERT_GATE, 0, 2), 3, 5))
                    .isEqualTo((2 * 32 + 3) * 24 + 5);
            assertThat(at(weights.get(WeightRole.EXPERT_UP, 0, 2), 3, 5))
                    .isEqualTo((2 * 32 + 16 + 3) * 24 + 5);
            assertThat(at(weights.get(WeightRole.EXPERT_DOWN, 0, 2), 3, 5))
                    .isEqualTo((2 * 24 + 3) * 16 + 5);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', value = {
        "mamba | | model_type is \"mamba\"; it must be one that this version runs: llama, mistral",
        "llama | , \"num_attention_heads\": 0 | num_attention_heads is 0; it must be an integer",
        "llama | , \"num_key_value_heads\": 3 | num_key_value_heads is 3; it must be a divisor",
        "llama | , \"rms_norm_eps\": null | lacks rms_norm_eps",
        "llama | , \"hidden_act\": \"relu\" | hidden_act is \"relu\"; it must be \"silu\"",
        "llama | , \"num_hidden_layers\": 2000000000 | num_hidden_layers is 2000000000",
        "llama | , \"rope_scaling\": {\"type\": \"dynamic\"} | rope_scaling.type is \"dynamic\"",
        "llama | , \"rope_scaling\": {\"type\": \"linear\"} | lacks rope_scaling.factor",
        "llama | , \"rope_scaling\": 3 | rope_scaling is 3; it must be an object",
        "phi3 | , \"partial_rotary_factor\": 0.5 | partial_rotary_factor is 0.5; it must be such",
        "smollm3 | , \"no_rope_layers\": [1] | no_rope_layers is [1]; it must be a list of 4",
        "mixtral | , \"num_local_experts\": 4 | lacks num_experts_per_tok",
        "mixtral | , \"num_local_experts\": 2, \"num_experts_per_tok\": 3 | at most the number of",
        "llama | , \"head_dim\": 2000000000 | at most 1 with heads of 2000000000"})
    void refusesAConfig(String type, String more, String told) throws IOException {
        // The last of two equal keys wins.
        String config = config(type, more == null ? "" : more);
        Path file = Files.writeString(folder.resolve("config.json"), config);
        new SafetensorsWriter().floats("x", new float[1], 1)
                .write(folder.resolve("model.safetensors"));
        assertThatThrownBy(() -> Model.open(folder)).isInstanceOf(ModelException.class)
                .hasMessageContaining(file.toString()).hasMessageContaining(told);
    }

    @Test
    void refusesTensorsThatAreMissingTooManyOrMisshapen() throws IOException {
        String config = config("llama", "");
        SafetensorsWriter writer = tensors(config).floats("model.layers.0.mlp.extra",
                new float[2], 2);
        writer.write(folder.resolve("model.safetensors"));
        assertThatThrownBy(() -> Model.open(folder)).isInstanceOf(ModelException.class)
                .hasMessageContaining("has 1 tensors that llama with 4 layers does not use")
                .hasMessageContaining("model.layers.0.mlp.extra");

        tensors(config).write(folder.resolve("model.safetensors"));
        Files.writeString(folder.resolve("config.json"), config.replace("\"num_hidden_layers\": 4",
                "\"num_hidden_layers\": 5"));
        assertThatThrownBy(() -> Model.open(folder)).isInstanceOf(ModelException.class)
                .hasMessageContaining("lacks 9 of the tensors");

        Files.writeString(folder.resolve("config.json"), config.replace("\"vocab_size\": 50",
                "\"vocab_size\": 51"));
        assertThatThrownBy(() -> Model.open(folder)).isInstanceOf(ModelException.class)
                .hasMessageContaining("model.embed_tokens.weight is 50 x 24")
                .hasMessageContaining("asks for 51 x 24");
    }

    @Test
    void findsTheChatTemplateWhereverItIs() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "tool_use", "template": "no"},
                {"name": "default", "template": "{{ messages[0].content }}"}]}""");
        try (Model model = open(config("llama", ""))) {
            assertThat(model.chatTemplate()).isPresent();
        }
        Files.writeString(folder.resolve("chat_template.jinja"), "{% for %}");
        try (Model model = open(config("llama", ""))) {
            assertThat(model.chatTemplate()).isEmpty();
            assertThat(model.chatTemplateProblem()).isPresent();
        }
    }
}
