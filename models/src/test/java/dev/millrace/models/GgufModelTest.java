package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.models.RopeSpec.Layout;
import dev.millrace.models.fixtures.GgufWriter;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import static org.assertj.core.api.Assertions.assertThat;

class GgufModelTest {

    @TempDir
    Path folder;

    private Model open(TinyModels model) {
        return Model.open(model.write(folder));
    }

    private Model open(GgufWriter writer) {
        return Model.open(writer.write(folder.resolve("model.gguf")));
    }

    @Test
    void readsTheSizesOfALlama() {
        try (Model model = open(TinyModels.llama().layers(3).heads(6, 2, 8)
                .sizes(96, 160).vocabularySize(400).contextTokens(77).ropeDimensions(6))) {
            assertThat(model.spec()).isEqualTo(new ModelSpec("llama", "Tiny F32", 400, 77, 3, 96,
                    160, 6, 2, 8, 1e-5f, new RopeSpec(Layout.ADJACENT, 6, 10_000, 1),
                    ModelSpec.Activation.SILU, false, false, 0));
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
        try (Model model = open(TinyModels.llama().heads(4, 4, 16).withoutVocabulary()
                .addTensorsTo(writer))) {
            assertThat(model.spec().kvHeads()).isEqualTo(4);
            assertThat(model.spec().headSize()).isEqualTo(16);
            assertThat(model.spec().rope().dimensions()).isEqualTo(16);
            assertThat(model.spec().name()).isEqualTo("llama");
        }
    }

    @ParameterizedTest
    @EnumSource(QuantFormat.class)
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
}
