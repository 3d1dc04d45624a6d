package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.models.RopeSpec.Layout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Trained models as llama.cpp's converters wrote them. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class StoriesModelTest {

    private static Model open(String name) {
        return Model.open(Path.of(System.getenv("MILLRACE_TEST_DATA"), "models", name));
    }

    @Test
    void opensStories260K() {
        try (Model model = open("stories260K-f32.gguf")) {
            assertThat(model.spec())
                    .isEqualTo(ModelSpec.uniform("llama", "llama", 512, 128, 64, 1e-5f,
                            AttentionSpec.of(8, 4, 8), 5, new LayerSpec(
                                    new RopeSpec(Layout.ADJACENT, 8, 10_000),
                                    FeedForwardSpec.dense(172))));
            assertThat(model.footprint(KvFormat.F16))
                    .isEqualTo(new ModelFootprint(292_800, 1_171_200, 640, 128));
            assertThat(model.tensors()).hasSize(48);
            assertThat(model.tokenizer().orElseThrow().vocabularySize()).isEqualTo(512);
            assertThat(model.chatTemplate()).isEmpty();
            assertThat(model.chatTemplateProblem()).contains("the file has no chat template");
            float first = model.weights().get(WeightRole.OUTPUT_NORM).data()
                    .get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
            assertThat(first).isBetween(0.1f, 100f);
        }
    }

    @ParameterizedTest
    @CsvSource({"Q8_0, 25944192", "Q4_0, 18350208"})
    void opensStories15M(QuantFormat format, long weightBytes) {
        try (Model model = open("stories15M-" + format + ".gguf")) {
            assertThat(model.spec()).isEqualTo(ModelSpec.uniform("llama", "llama", 32_000, 128, 288,
                    1e-5f, AttentionSpec.of(6, 6, 48), 6, new LayerSpec(
                            new RopeSpec(Layout.ADJACENT, 48, 10_000),
                            FeedForwardSpec.dense(768))));
            assertThat(model.weights().get(WeightRole.GATE, 5).format()).isEqualTo(format);
            assertThat(model.footprint(KvFormat.F16))
                    .isEqualTo(new ModelFootprint(24_407_712, weightBytes, 6912, 128));
        }
    }
}
