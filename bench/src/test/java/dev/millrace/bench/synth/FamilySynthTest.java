package dev.millrace.bench.synth;

import dev.millrace.models.Model;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.TensorMixture;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

/** Models of every family are read as they were written, whatever their switches. */
class FamilySynthTest {

    private static final String TINY = "layers=7,embedding=64,feed_forward=96,heads=4,kv_heads=2,"
            + "head_size=24,vocabulary=300,context=64,";

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {
        "architecture=llama,rope_scaling=linear", "architecture=llama,rope_scaling=divisors",
        "architecture=llama,rope_scaling=yarn", "architecture=llama,window=9",
        "architecture=llama,experts=5", "architecture=qwen2,tied=true",
        "architecture=qwen2moe,experts=5,chosen=3,shared=80", "architecture=qwen3",
        "architecture=qwen3moe,experts=5,chosen=3", "architecture=gemma2,window=9,tied=true",
        "architecture=gemma3,window=9,tied=true,rope_base=1000000,rope_scaling=linear",
        "architecture=phi3,rope_scaling=longrope,window=9", "architecture=smollm3,tied=true",
        "architecture=granite", "architecture=olmo2",
        "architecture=gpt-oss,experts=5,chosen=3,window=9,rope_scaling=yarn"})
    void isReadAsItWasWritten(String family) throws Exception {
        ModelSpec spec = ModelShape.parse(TINY + family);
        Path path = folder.resolve("model.gguf");
        try (FileChannel out = FileChannel.open(path, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE)) {
            SyntheticModel.declare(spec, TensorMixture.of(spec, "f32", false), 1).file()
                    .write(out);
        }
        try (Model model = Model.open(path)) {
            assertThat(model.spec().withName("")).isEqualTo(spec.withName(""));
        }
    }

    @Test
    void aFamilyThatIsNotThereOrLacksItsExpertsIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ModelShape.parse(TINY + "architecture=qwen3moe"))
                .withMessageContaining("experts");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ModelShape.parse(TINY + "architecture=mamba"))
                .withMessageContaining("there is no architecture \"mamba\"; there are llama");
    }
}
