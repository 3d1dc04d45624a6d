package dev.millrace.models;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.RopeSpec.Layout;
import dev.millrace.models.fixtures.LoraDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufFileWriter;
import dev.millrace.models.gguf.GgufTensorType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

/** Adapters of both containers are read as their authors meant, or refused with a reason. */
class LoraAdapterTest {

    private static final String Q = "model.layers.0.self_attn.q_proj";

    @TempDir
    Path folder;

    /** As a directory of transformers has it: rotating halves. */
    private static ModelSpec base() {
        return ModelSpec.uniform("llama", "base", 128, 64, 24, 1e-5f, AttentionSpec.of(3, 1, 8),
                2, new LayerSpec(new RopeSpec(Layout.HALVES, 8, 10_000),
                        FeedForwardSpec.dense(40)));
    }

    private static ModelSpec base(Layout layout) {
        return base().withLayers(base().layerSpecs().stream()
                .map(layer -> layer.withRope(new RopeSpec(layout, 8, 10_000))).toList());
    }

    private LoraAdapter open(LoraDirectory adapter) {
        return LoraAdapter.open(adapter.write(folder.resolve("adapter")), base());
    }

    private void assertRefused(LoraDirectory adapter, String... messages) {
        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> open(adapter).close())
                .withMessageContainingAll(messages);
    }

    private static float[] values(QuantTensor tensor) {
        return tensor.data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    @ParameterizedTest
    @MethodSource("scales")
    void theScaleIsAlphaOverRank(String config, double expected) {
        try (LoraAdapter adapter = open(LoraDirectory.ofRank(4, 1).module(Q, 24, 24)
                .config(config))) {
            LoraPair pair = adapter.find(WeightRole.QUERY, 0);
            assertThat(pair.scale()).isEqualTo((float) expected);
            assertThat(pair.a().shape()).isEqualTo(TensorShape.matrix(4, 24));
            assertThat(pair.b().shape()).isEqualTo(TensorShape.matrix(24, 4));
            assertThat(adapter.find(WeightRole.QUERY, 1)).isNull();
            assertThat(adapter.find(WeightRole.KEY, 0)).isNull();
            assertThat(adapter.rank()).isEqualTo(4);
            assertThat(adapter.projections()).isEqualTo(1);
        }
    }

    static Stream<Arguments> scales() {
        return Stream.of(Arguments.of("\"use_rslora\": false", 2),
                Arguments.of("\"use_rslora\": true", 4),
                Arguments.of("\"alpha_pattern\": {\"q_proj\": 20}", 5),
                Arguments.of("\"alpha_pattern\": {\"proj\": 20, \"layers.0.self_attn.q_proj\": 3}",
                        0.75),
                Arguments.of("\"alpha_pattern\": {\"^q_proj\": 20}", 2),
                Arguments.of("\"alpha_pattern\": {\"^" + Q + "\": 20}", 5),
                Arguments.of("\"fan_in_fan_out\": true, \"modules_to_save\": []", 2));
    }

    /** Rows of queries and keys come in the order of the model's own, whichever that is. */
    @Test
    void rotatingRowsComeInTheModelsOrder() {
        Path path = LoraDirectory.ofRank(1, 3).module(Q, 24, 24)
                .module("model.layers.0.self_attn.v_proj", 8, 24).write(folder);
        try (LoraAdapter halves = LoraAdapter.open(path, base());
                LoraAdapter adjacent = LoraAdapter.open(path, base(Layout.ADJACENT))) {
            float[] file = values(halves.find(WeightRole.QUERY, 0).b());
            float[] turned = values(adjacent.find(WeightRole.QUERY, 0).b());
            for (int head = 0; head < 3; head++) {
                for (int pair = 0; pair < 4; pair++) {
                    assertThat(turned[8 * head + 2 * pair]).isEqualTo(file[8 * head + pair]);
                    assertThat(turned[8 * head + 2 * pair + 1])
                            .isEqualTo(file[8 * head + 4 + pair]);
                }
            }
            assertThat(values(adjacent.find(WeightRole.VALUE, 0).b()))
                    .isEqualTo(values(halves.find(WeightRole.VALUE, 0).b()));
        }
    }

    /** Phi 3 keeps query, key and value in one matrix, and so do its adapters. */
    @Test
    void fusedProjectionsShareTheirMatrixA() {
        LoraDirectory fused = LoraDirectory.ofRank(2, 5)
                .module("model.layers.1.self_attn.qkv_proj", 40, 24)
                .module("model.layers.1.mlp.gate_up_proj", 80, 24);
        try (LoraAdapter adapter = open(fused)) {
            float[] whole = values(adapter.find(WeightRole.QUERY, 1).a());
            assertThat(values(adapter.find(WeightRole.KEY, 1).a())).isEqualTo(whole);
            assertThat(adapter.find(WeightRole.QUERY, 1).b().shape().rows()).isEqualTo(24);
            assertThat(adapter.find(WeightRole.KEY, 1).b().shape().rows()).isEqualTo(8);
            assertThat(adapter.find(WeightRole.VALUE, 1).b().shape().rows()).isEqualTo(8);
            assertThat(adapter.find(WeightRole.GATE, 1).b().shape().rows()).isEqualTo(40);
            assertThat(adapter.find(WeightRole.UP, 1).b().data().address())
                    .isEqualTo(adapter.find(WeightRole.GATE, 1).b().data().address()
                            + 40 * 2 * Float.BYTES);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"peft_type\": \"IA3\"", "\"use_dora\": true", "\"bias\": \"all\"",
        "\"lora_bias\": true", "\"modules_to_save\": [\"lm_head\"]",
        "\"trainable_token_indices\": [3]", "\"init_lora_weights\": \"pissa\"",
        "\"use_qalora\": true", "\"target_parameters\": [\"experts\"]",
        "\"alora_invocation_tokens\": [1, 2]", "\"alpha_pattern\": {\"(a+)+\": 3}",
        "\"lora_alpha\": 0", "\"r\": 0"})
    void whatChangesTheResultOtherwiseIsRefusedByName(String config) {
        String key = config.substring(1, config.indexOf('"', 1));
        assertRefused(LoraDirectory.ofRank(4, 1).module(Q, 24, 24).config(config), key);
    }

    @Test
    void matricesThatFitAnotherModelAreRefusedWithBothShapes() {
        assertRefused(LoraDirectory.ofRank(4, 1).module(Q, 32, 32), Q, "A 4 x 32", "B 32 x 4",
                "that of base is 24 x 24", "made for another base model");
        assertRefused(LoraDirectory.ofRank(4, 1).module("model.layers.2.mlp.up_proj", 40, 24),
                "model.layers.2.mlp.up_proj", "base has layers 0 to 1 only");
    }

    @Test
    void matricesThatNobodyWouldApplyAreRefused() {
        for (String name : new String[]{"lm_head", "model.embed_tokens",
            "model.layers.0.mlp.experts.3.up_proj", "model.layers.0.input_layernorm",
            "vision_tower.layers.0.self_attn.q_proj"}) {
            assertRefused(LoraDirectory.ofRank(4, 1).module(Q, 24, 24).module(name, 24, 24),
                    "2 tensors that this version does not apply", name);
        }
        assertRefused(LoraDirectory.ofRank(4, 1).module(Q, 24, 24)
                .matrix("base_model.model." + Q + ".lora_magnitude_vector", 1, 24),
                "lora_magnitude_vector");
    }

    @Test
    void pairsThatAreNotWholeAreRefused() {
        assertRefused(LoraDirectory.ofRank(4, 1).matrix(LoraDirectory.tensor(Q, "A"), 4, 24),
                "only one of the two LoRA matrices of " + Q);
        assertRefused(LoraDirectory.ofRank(4, 1).matrix(LoraDirectory.tensor(Q, "A"), 4, 24)
                .matrix(LoraDirectory.tensor(Q, "B"), 24, 5), "of ranks 4 and 5");
        assertRefused(LoraDirectory.ofRank(5, 1).module(Q, 24, 24)
                .config("\"rank_pattern\": {\"q_proj\": 6}"), "is 6, but its matrices have rank 5");
        assertRefused(LoraDirectory.ofRank(1025, 1).module(Q, 24, 24), "at most 1024");
        assertRefused(LoraDirectory.ofRank(4, 1), "holds no LoRA matrices");
    }

    @Test
    void pickledAndMissingAdaptersAreRefused() throws IOException {
        Path directory = LoraDirectory.ofRank(4, 1).module(Q, 24, 24).write(folder);
        Files.move(directory.resolve("adapter_model.safetensors"),
                directory.resolve("adapter_model.bin"));
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> LoraAdapter.open(directory, base()))
                .withMessageContaining("pickled");
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> LoraAdapter.open(folder.resolve("nothing"), base()))
                .withMessageContaining("nothing");
    }

    @Test
    void anAdapterIsNoModel() throws IOException {
        Path directory = LoraDirectory.ofRank(4, 1).module(Q, 24, 24).write(folder);
        openGguf(file -> pair(file, "blk.0.ffn_up.weight", 40, 24)).close();
        for (Path path : new Path[]{directory, folder.resolve("adapter.gguf")}) {
            assertThatExceptionOfType(ModelException.class).isThrownBy(() -> Model.open(path))
                    .withMessageContaining("is a LoRA adapter and no model");
        }
    }

    private LoraAdapter openGguf(Consumer<GgufFileWriter> content) throws IOException {
        GgufFileWriter writer = new GgufFileWriter();
        writer.metadata().string("general.type", "adapter").string("adapter.type", "lora")
                .string("general.architecture", "llama");
        content.accept(writer);
        Path path = folder.resolve("adapter.gguf");
        try (FileChannel out = FileChannel.open(path, StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            writer.write(out);
        }
        return LoraAdapter.open(path, base());
    }

    private static void floats(GgufFileWriter writer, String name, int rows, int columns) {
        writer.tensor(name, GgufTensorType.F32, TensorShape.matrix(rows, columns),
                piece -> IntStream.range(0, rows * columns).forEach(i -> piece
                        .setAtIndex(ValueLayout.JAVA_FLOAT, i, i)));
    }

    private static void pair(GgufFileWriter writer, String name, int outputs, int inputs) {
        floats(writer, name + ".lora_a", 4, inputs);
        floats(writer, name + ".lora_b", outputs, 4);
    }

    @Test
    void adaptersInGgufFilesAreRead() throws IOException {
        try (LoraAdapter adapter = openGguf(file -> {
            file.metadata().float32("adapter.lora.alpha", 6);
            pair(file, "blk.1.ffn_down.weight", 24, 40);
            pair(file, "blk.1.attn_k.weight", 8, 24);
        })) {
            assertThat(adapter.find(WeightRole.DOWN, 1).scale()).isEqualTo(1.5f);
            // Files have adjacent pairs for llama, this base has halves: 0 2 4 6 1 3 5 7.
            float[] key = values(adapter.find(WeightRole.KEY, 1).b());
            assertThat(IntStream.range(0, 8).map(row -> (int) key[4 * row] / 4).toArray())
                    .containsExactly(0, 2, 4, 6, 1, 3, 5, 7);
        }
        try (LoraAdapter adapter = openGguf(file -> pair(file, "blk.0.ffn_up.weight", 40, 24))) {
            assertThat(adapter.find(WeightRole.UP, 0).scale()).isEqualTo(1);
        }
    }

    @Test
    void ggufFilesThatDoNotFitAreRefused() {
        assertRefusedGguf(file -> pair(file, "blk.0.attn_q.weight", 32, 24),
                "blk.0.attn_q.weight", "that of base is 24 x 24");
        assertRefusedGguf(file -> pair(file, "blk.2.attn_q.weight", 24, 24), "layers 0 to 1");
        assertRefusedGguf(file -> pair(file, "token_embd.weight", 24, 24), "token_embd");
        assertRefusedGguf(file -> floats(file, "blk.0.attn_q.weight", 24, 24), "attn_q.weight");
        assertRefusedGguf(file -> file.metadata().remove("general.architecture")
                .string("general.architecture", "qwen2"), "made for another base model");
        assertRefusedGguf(file -> file.metadata().remove("adapter.type")
                .string("adapter.type", "control_vector"), "adapter.type");
        assertRefusedGguf(file -> file.metadata().remove("general.type"), "this file is a model");
        assertRefusedGguf(file -> {
            file.metadata().float32("adapter.lora.alpha", Float.NaN);
            pair(file, "blk.0.attn_q.weight", 24, 24);
        }, "adapter.lora.alpha");
    }

    private void assertRefusedGguf(Consumer<GgufFileWriter> content, String... messages) {
        assertThatExceptionOfType(ModelException.class)
                .isThrownBy(() -> openGguf(content).close()).withMessageContainingAll(messages);
    }

    /** Damage is either harmless or refused: nothing crashes, nothing hangs. */
    @Test
    void damagedFilesAreRefusedOrRead() throws IOException {
        Path directory = LoraDirectory.ofTinyLlama(7).write(folder.resolve("adapter"));
        Random random = new Random(20);
        try (Model model = Model.open(TinyModels.llama().write(folder))) {
            for (String name : new String[]{"adapter_config.json", "adapter_model.safetensors"}) {
                byte[] sound = Files.readAllBytes(directory.resolve(name));
                int header = Math.min(sound.length, 1500);
                for (int round = 0; round < 400; round++) {
                    byte[] damaged = sound.clone();
                    for (int i = 0; i <= random.nextInt(3); i++) {
                        damaged[random.nextInt(header)] = (byte) random.nextInt(256);
                    }
                    Files.write(directory.resolve(name), damaged);
                    openAndClose(directory, model.spec());
                }
                Files.write(directory.resolve(name), sound);
            }
            LoraAdapter.open(directory, model.spec()).close();
        }
    }

    private static void openAndClose(Path directory, ModelSpec spec) {
        try {
            LoraAdapter.open(directory, spec).close();
        } catch (ModelException e) {
            assertThat(e).hasMessageContaining("adapter");
        }
    }

    @Test
    void theFilesOfASharedAdapterAreUnmappedWhenAllOwnersHaveClosedIt() {
        AtomicInteger unmapped = new AtomicInteger();
        LoraAdapter adapter = new LoraAdapter("adapter", Map.of(), unmapped::incrementAndGet);
        List<LoraAdapter> shared = adapter.shared(2);
        shared.get(0).close();
        shared.get(0).close();
        assertThat(unmapped).hasValue(0);
        shared.get(1).close();
        adapter.close();
        assertThat(unmapped).hasValue(1);
    }
}
