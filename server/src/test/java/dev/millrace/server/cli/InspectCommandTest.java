package dev.millrace.server.cli;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.TensorEntry;
import dev.millrace.models.fixtures.MixtureDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufTensorType;
import dev.millrace.models.store.ByteCounts;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class InspectCommandTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().format(GgufTensorType.Q8_0).write(folder);
    }

    @Test
    void tellsSizesMemoryMetadataAndTensors() {
        String out = cli.run("inspect", model).out();

        assertThat(out).containsPattern("MODEL +Tiny Q8_0").containsPattern("context +256 tokens")
                .containsPattern("licence +unknown: The model does not say")
                .containsPattern("f32 +512 B").containsPattern("f16 +256 B")
                .containsPattern("q8_0 +144 B")
                .containsPattern("llama.block_count +2\n")
                .containsPattern("tokenizer.ggml.tokens +\\[<unk>, <s>, .* 384 in all]")
                .containsPattern("Q8_0 +16 +\\d")
                .containsPattern("blk.1.ffn_down.weight +Q8_0 +64 x 128 +8.70 kB");
    }

    @Test
    void tellsWhatATokenUsesOfAMixtureOfExpertsInADirectory() {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));

        assertThat(cli.run("inspect", directory).out()).containsPattern("architecture +mixtral")
                .containsPattern("parameters +5,552, of which 4,016 a token")
                .containsPattern("feed forward +16 in each of 4 experts, 2 a token")
                .containsPattern("hidden_size +16");
    }

    @Test
    void tellsTheMemoryThatPackedWeightsTake() {
        long packedBytes = 0;
        try (Model opened = Model.open(model)) {
            for (TensorEntry entry : opened.tensors()) {
                packedBytes += entry.type().equals("Q8_0")
                        ? CpuKernels.packedBytes(QuantFormat.Q8_0, entry.shape())
                        : entry.bytes();
            }
        }

        assertThat(cli.run("inspect", model).out())
                .containsPattern("weights, packed +" + ByteCounts.text(packedBytes));
    }

    @Test
    void printsEveryValueOfATensor() {
        List<String> lines = cli.run("inspect", model, "--tensor", "blk.0.attn_k.weight",
                "--values").out().lines().toList();

        assertThat(lines).hasSize(32).allMatch(line -> line.split(" ").length == 64);
        try (Model opened = Model.open(model)) {
            QuantTensor tensor = opened.tensor("blk.0.attn_k.weight");
            float[] values = new float[32 * 64];
            new Dequantizer(tensor.format()).dequantize(tensor, 0, values.length, values, 0);
            assertThat(Float.parseFloat(lines.get(31).split(" ")[63]))
                    .isEqualTo(values[values.length - 1]);
        }
    }

    @Test
    void suggestsTheTensorThatWasMeant() {
        assertThat(cli.run("inspect", model, "--tensor", "blk.0.atn_k.weight").err())
                .contains("no tensor \"blk.0.atn_k.weight\"; did you mean \"blk.0.attn_k.weight\"");
    }
}
