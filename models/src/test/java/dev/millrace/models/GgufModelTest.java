package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.RopeSpec.Layout;
import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import dev.millrace.models.text.TextSpan;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

class GgufModelTest {

    @TempDir
    Path folder;

    private Model open(TinyModels model) {
        return open(model.writer());
    }

    private Model open(GgufWriter writer) {
        return Model.open(writer.write(folder.resolve("model.gguf")));
    }

    @Test
    void readsTheSizesOfALlama() {
        try (Model model = open(TinyModels.llama().layers(3).heads(6, 2, 8)
                .sizes(96, 160).vocabularySize(400).contextTokens(77).ropeDimensions(6))) {
            assertThat(model.spec()).isEqualTo(ModelSpec.uniform("llama", "Tiny F32", 400, 77, 96,
                    1e-5f, AttentionSpec.of(6, 2, 8), 3, new LayerSpec(
                            new RopeSpec(Layout.ADJACENT, 6, 10_000),
                            FeedForwardSpec.dense(160))));
        }
    }

    @ParameterizedTest
    @CsvSource({"0,", "1, llama.pooling_type is 1 (the mean)", "2, llama.pooling_type is 2", "3,"})
    void tellsOfAPoolingThatIsNotTheLastTokens(int type, String problem) {
        try (Model model = open(TinyModels.llama().writer().uint32("llama.pooling_type", type))) {
            assertThat(model.otherPooling()).isEqualTo(Optional.ofNullable(problem));
        }
        try (Model silent = open(TinyModels.llama())) {
            assertThat(silent.otherPooling()).isEmpty();
        }
    }

    @Test
    void fillsInWhatAFileMayLeaveOut() {
        GgufWriter writer = new GgufWriter().string("general.architecture", "llama")
                .uint32("llama.context_length", 16)
                .uint32("llama.embedding_length", 64)
                .uint32("llama.feed_forward_length", 128)
                .uint32("llama.block_count", 2)
                .uint32("llama.attention.head_count", 4)
                .float32("llama.attention.layer_norm_rms_epsilon", 1e-6f);
        try (Model model = open(TinyModels.llama().heads(4, 4, 16).addTensorsTo(writer))) {
            assertThat(model.spec().kvHeads()).isEqualTo(4);
            assertThat(model.spec().headSize()).isEqualTo(16);
            assertThat(model.spec().layer(1).rope().dimensions()).isEqualTo(16);
            assertThat(model.spec().name()).isEqualTo("llama");
        }
    }

    @Test
    void makesTheNameFitToShow() {
        GgufWriter writer = TinyModels.llama().writer()
                .replaceString("general.name", "\u001b[31m" + "long ".repeat(100));
        try (Model model = open(writer)) {
            assertThat(model.spec().name()).startsWith("?[31mlong ").hasSize(128);
        }
    }

    @ParameterizedTest
    @EnumSource(value = QuantFormat.class, names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void givesWeightsOfEveryFormatByRole(QuantFormat format) {
        try (Model model = open(TinyModels.llama().sizes(256, 512)
                .heads(4, 2, 64).format(GgufTensorType.valueOf(format.name())))) {
            Weights weights = model.weights();
            assertThat(weights.get(WeightRole.QUERY, 1).format()).isEqualTo(format);
            assertThat(weights.get(WeightRole.KEY, 0).shape())
                    .isEqualTo(TensorShape.matrix(128, 256));
            assertThat(weights.get(WeightRole.DOWN, 1).shape())
                    .isEqualTo(TensorShape.matrix(256, 512));
            assertThat(weights.get(WeightRole.OUTPUT_NORM).format()).isEqualTo(QuantFormat.F32);
            assertThat(weights.find(WeightRole.QUERY_BIAS, 0)).isNull();
        }
    }

    @Test
    void findsBiasesTiesAndRopeFactors() {
        try (Model model = open(TinyModels.llama().tiedEmbeddings(true).attentionBias(true)
                .ropeFactors(true))) {
            assertThat(model.spec().tiedEmbeddings()).isTrue();
            assertThat(model.spec().attention().bias()).isTrue();
            Weights weights = model.weights();
            assertThat(weights.find(WeightRole.OUTPUT, Weights.NO_LAYER)).isNull();
            assertThat(weights.get(WeightRole.VALUE_BIAS, 1).shape())
                    .isEqualTo(TensorShape.vector(32));
            assertThat(model.spec().layer(0).rope().scaling()).isInstanceOfSatisfying(
                    RopeScaling.Divisors.class,
                    scaling -> assertThat(scaling.divisors()).hasSize(8));
        }
    }

    @Test
    void refusesToLookUpALayerThatIsNotThere() {
        try (Model model = open(TinyModels.llama())) {
            Weights weights = model.weights();
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> weights.find(WeightRole.QUERY, 2))
                    .withMessageContaining("from 0 to 1").withMessageContaining("got 2");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> weights.find(WeightRole.OUTPUT, 0));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> weights.find(WeightRole.QUERY, Weights.NO_LAYER));
        }
    }

    @Test
    void listsTensorsAndSuggestsNearMisses() {
        try (Model model = open(TinyModels.llama())) {
            assertThat(model.tensors()).hasSize(3 + 2 * 9).contains(new TensorEntry(
                    "blk.1.ffn_up.weight", "F32", TensorShape.matrix(128, 64), 4 * 128 * 64,
                    QuantFormat.F32));
            assertThat(model.tensor("blk.1.ffn_up.weight").shape())
                    .isEqualTo(TensorShape.matrix(128, 64));
            assertThatThrownBy(() -> model.tensor("blk.1.ffn_upp.weight"))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("there is no tensor \"blk.1.ffn_upp.weight\"")
                    .hasMessageContaining("did you mean \"blk.1.ffn_up.weight\" or ");
            assertThatThrownBy(() -> model.tensor("x")).isInstanceOf(ModelException.class)
                    .hasMessageNotContaining("did you mean");
        }
    }

    @Test
    void opensAFileWhoseTypesItCannotCompute() {
        GgufWriter writer = TinyModels.llama().vocabularySize(400).writer();
        writer.replaceTensor("output_norm.weight", GgufTensorType.F64, new byte[8 * 64], 64);
        try (Model model = open(writer)) {
            assertThat(model.tensors()).filteredOn(entry -> !entry.computable())
                    .extracting(TensorEntry::type).containsExactly("F64");
            assertThatThrownBy(() -> model.weights().get(WeightRole.OUTPUT_NORM))
                    .isInstanceOf(ModelException.class)
                    .hasMessageContaining("tensor output_norm.weight is F64")
                    .hasMessageContaining("it computes F32, ");
        }
    }

    @Test
    void estimatesTheMemoryThatAModelNeeds() {
        try (Model model = open(TinyModels.llama().tiedEmbeddings(true))) {
            long parameters = 384 * 64 + 64 + 2 * (2 * 64 + 2 * 64 * 64 + 2 * 32 * 64
                    + 3 * 64 * 128);
            ModelFootprint footprint = model.footprint(KvFormat.F32);
            assertThat(footprint).isEqualTo(
                    new ModelFootprint(parameters, 4 * parameters, 2 * 2 * 32 * 4, 256));
            assertThat(model.weights().totalBytes()).isEqualTo(4 * parameters);
            assertThat(footprint.bytes(0)).isEqualTo(4 * parameters);
            assertThat(footprint.bytes(10)).isEqualTo(4 * parameters + 10 * 512);
            assertThat(footprint.bytes(Long.MAX_VALUE)).isEqualTo(Long.MAX_VALUE);
            assertThat(model.footprint(KvFormat.F16).kvBytesPerToken()).isEqualTo(256);
            assertThat(model.footprint(KvFormat.Q8_0).kvBytesPerToken())
                    .isEqualTo(2 * 2 * (2 * 16 + 4));
        }
    }

    @ParameterizedTest
    @CsvSource({"none, 4, 1", "linear, 4, 4", ", 4, 4", "linear, , 1", ", , 1"})
    void scalesPositionsLinearly(String type, Float factor, float applied) {
        GgufWriter writer = TinyModels.llama().writer();
        if (type != null) {
            writer.string("llama.rope.scaling.type", type);
        }
        if (factor != null) {
            writer.float32("llama.rope.scaling.factor", factor);
        }
        writer.float32("llama.rope.freq_base", 500_000);
        try (Model model = open(writer)) {
            assertThat(model.spec().layer(0).rope())
                    .isEqualTo(new RopeSpec(Layout.ADJACENT, 16, 500_000, applied == 1
                            ? RopeScaling.NONE
                            : new RopeScaling.Linear(applied)));
        }
    }

    @Test
    void readsTheOldNameOfTheLinearScale() {
        try (Model model = open(TinyModels.llama().writer()
                .float32("llama.rope.scale_linear", 2))) {
            assertThat(model.spec().layer(0).rope().scaling())
                    .isEqualTo(new RopeScaling.Linear(2));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4096})
    void readsTheSlidingWindow(int tokens) {
        try (Model model = open(TinyModels.llama().writer()
                .uint32("llama.attention.sliding_window", tokens))) {
            assertThat(model.spec().slidingWindowTokens()).isEqualTo(tokens);
        }
    }

    @Test
    void ignoresRotaryTablesOfOldConverters() {
        GgufWriter writer = TinyModels.llama().writer()
                .tensor("blk.0.attn_rot_embd.weight", GgufTensorType.F32, new byte[64], 16);
        try (Model model = open(writer)) {
            assertThat(model.spec().layers()).isEqualTo(2);
        }
    }

    @Test
    void compilesTheChatTemplate() {
        try (Model model = open(TinyModels.llama())) {
            assertThat(model.chatTemplateProblem()).isEmpty();
            String prompt = model.chatTemplate().orElseThrow()
                    .render(Map.of("messages", List.of(Map.of("role", "user", "content", "Hi")),
                            "eos_token", "</s>", "add_generation_prompt", true))
                    .stream().map(TextSpan::text).collect(Collectors.joining());
            assertThat(prompt).isEqualTo("<|user|>\nHi</s>\n<|assistant|>\n");
        }
    }

    @Test
    void opensAFileWhoseTemplateIsMissingOrBroken() {
        try (Model model = open(TinyModels.llama().withoutVocabulary())) {
            assertThat(model.chatTemplate()).isEmpty();
            assertThat(model.chatTemplateProblem()).contains("the file has no chat template");
        }
        try (Model model = open(TinyModels.llama().chatTemplate("{% for %}"))) {
            assertThat(model.chatTemplate()).isEmpty();
            assertThat(model.chatTemplateProblem().orElseThrow()).isNotBlank();
        }
        try (Model model = open(TinyModels.llama().writer().remove("tokenizer.chat_template")
                .uint32("tokenizer.chat_template", 7))) {
            assertThat(model.chatTemplateProblem().orElseThrow()).contains("is 7", "a string");
        }
    }
}
