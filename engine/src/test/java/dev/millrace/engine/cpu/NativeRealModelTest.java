package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.GreedyText;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Trained models on the native kernels, which round activations to 8 bits. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class NativeRealModelTest {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    private static CpuBackend backend(CpuKernels kernels) {
        return new CpuBackend(kernels, POOL, Duration.ZERO);
    }

    private static Path model(String file) {
        return Path.of(System.getenv("MILLRACE_TEST_DATA"), "models", file);
    }

    /** The first sentences are llama.cpp's; where two tokens are nearly as good, paths part. */
    @Test
    void stories15mTellsAStoryThatBeginsAsLlamaCpps() {
        assertThat(GreedyText.continuation(model("stories15M-Q8_0.gguf"),
                backend(NativeTwin.open()), "Once upon a time", 48)).startsWith("""
                        , there was a little girl named Lily. She loved to play outside in the \
                        sunshine. One day, she saw a big, red ball in the sky. It was the sun! \
                        She thought it was so pretty.""");
    }

    /**
     * The text is nothing that this model was trained on, so errors grow from layer to layer: a
     * last bit in attention moves the result by up to 0.5 %, and rounding to bytes by that again.
     */
    @ParameterizedTest
    @ValueSource(strings = {"stories15M-Q8_0.gguf", "stories15M-Q4_0.gguf"})
    void itPredictsATextAsWellAsWithFloats(String file) throws IOException {
        String text = Files.readString(Path.of(System.getenv("MILLRACE_TEST_DATA"), "text",
                "wikitext2-test-first-half.txt")).substring(0, 8_000);

        double withBytes = Perplexity.of(model(file), backend(NativeTwin.open()), text, 256, 8);

        assertThat(withBytes).isCloseTo(
                Perplexity.of(model(file), backend(CpuKernels.vector()), text, 256, 8),
                withinPercentage(1.5));
    }
}
