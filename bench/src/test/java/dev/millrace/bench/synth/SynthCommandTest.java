package dev.millrace.bench.synth;

import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.TensorEntry;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class SynthCommandTest {

    private static final String TINY = "layers=8,embedding=256,feed_forward=512,heads=8,"
            + "kv_heads=2,vocabulary=300,context=64";

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(value = QuantFormat.class, names = "INT.*", mode = EnumSource.Mode.MATCH_NONE)
    void aPureModelOfEveryFormatComputes(QuantFormat format) throws Exception {
        Path path = synth(TINY, format.name(), "--pure");
        try (Model model = Model.open(path)) {
            assertThat(model.tensors()).filteredOn(tensor -> tensor.shape().rows() > 1)
                    .hasSize(8 * 7 + 2).allMatch(tensor -> tensor.type().equals(format.name()));
        }
        assertComputes(path);
    }

    @ParameterizedTest
    @ValueSource(strings = {"q4_k_m", "q4_k_s", "q5_k_m", "q4_0", "q6_k", "iq2_xxs", "q2_k_s"})
    void aMixtureComputes(String type) throws Exception {
        assertComputes(synth(TINY + ",tied=true", type));
    }

    /** Runs a prompt through the scalar kernels: activations must neither vanish nor explode. */
    private static void assertComputes(Path path) {
        try (Model model = Model.open(path);
                WorkerPool pool = WorkerPool.create(1);
                ForwardPass pass = new CpuBackend(CpuKernels.scalar(), pool, Duration.ZERO)
                        .open(model.spec(), model.weights(),
                                new MemoryBudget(1L << 30, 64, 1, 16))) {
            SequenceRow row = new SequenceRow(new int[]{1, 299, 42}, 0, new int[][]{{0}},
                    SequenceRow.NO_ADAPTER, new OutputRequest.FullLogits(1), null);
            float[] logits = pass.step(new StepBatch(List.of(row), BlockOperations.NONE)).rows()
                    .getFirst().values();
            float largest = 0;
            for (float logit : logits) {
                assertThat(logit).isFinite();
                largest = Math.max(largest, Math.abs(logit));
            }
            assertThat(logits).hasSize(300);
            assertThat(largest).isBetween(0.1f, 100f);
        }
    }

    @Test
    void theVocabularyReadsAndWritesText() throws Exception {
        try (Model model = Model.open(synth(TINY, "q8_0"))) {
            assertThat(model.tokenizerProblem()).isEmpty();
            assertThat(model.tokenizer()).get()
                    .satisfies(tokenizer -> assertThat(tokenizer.vocabularySize())
                            .isEqualTo(300));
            assertThat(model.spec().name()).isEqualTo("synthetic " + TINY + " q8_0");
            assertThat(model.metadata()).containsEntry("general.file_type", 7L);
        }
    }

    @Test
    void theSameSeedMakesTheSameFile() throws Exception {
        byte[] first = Files.readAllBytes(synth(TINY, "q4_k_m"));
        assertThat(Files.readAllBytes(synth(TINY, "q4_k_m", "--force"))).isEqualTo(first);
        assertThat(Files.readAllBytes(synth(TINY, "q4_k_m", "--force", "--seed", "2")))
                .isNotEqualTo(first);
    }

    @Test
    void anExistingFileIsKeptUnlessForced() throws Exception {
        Path existing = Files.writeString(folder.resolve("out.gguf"), "mine");
        assertThatIllegalArgumentException().isThrownBy(() -> synth(TINY, "q8_0"))
                .withMessageContaining("out.gguf exists").withMessageContaining("--force");
        assertThat(existing).hasContent("mine");
        synth(TINY, "q8_0", "--force");
        assertThat(Files.size(existing)).isGreaterThan(4);
        assertThat(folder).isDirectoryNotContaining("glob:**.partial");
    }

    @Test
    void rowsThatWideBlocksDoNotFitGetNarrowOnes() throws Exception {
        Path path = synth("layers=8,embedding=96,feed_forward=192,heads=6,vocabulary=300",
                "q4_k_m");
        try (Model model = Model.open(path)) {
            assertThat(model.tensors()).extracting(TensorEntry::type).contains("Q5_0", "Q8_0")
                    .doesNotContain("Q4_K", "Q6_K");
        }
        assertComputes(path);
    }

    @Test
    void rowsThatAreNoWholeNumberOfBlocksAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> synth("llama-135m", "q4_k", "--pure"))
                .withMessageContaining("multiple of 256 elements, got 576");
    }

    private Path synth(String shape, String type, String... options) throws IOException {
        Path out = folder.resolve("out.gguf");
        List<String> arguments = new ArrayList<>(List.of(shape, type, out.toString()));
        arguments.addAll(List.of(options));
        StringWriter errors = new StringWriter();
        CommandLine command = new CommandLine(new SynthCommand())
                .setErr(new PrintWriter(errors, true));
        command.setExecutionExceptionHandler((failure, line, parsed) -> {
            throw failure;
        });
        if (command.execute(arguments.toArray(String[]::new)) != 0) {
            throw new IllegalArgumentException(errors.toString());
        }
        return out;
    }
}
