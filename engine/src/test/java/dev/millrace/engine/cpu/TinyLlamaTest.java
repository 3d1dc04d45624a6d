package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.GreedyText;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/**
 * A real chat model of 1.1 billion weights in IQ2_XXS, Q2_K, Q4_K and Q5_K. The expected texts are
 * llama.cpp's, which rounds activations to 8 bits: they need not agree for ever, but for this long
 * they do.
 */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TINYLLAMA", matches = ".+")
class TinyLlamaTest {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', ignoreLeadingAndTrailingWhitespace = false, value = {
        "The capital of France is| the second largest city in the country. It is located in the"
                + " center of the country and is the center of the country",
        "Once upon a time|, the world was a place of mystery and wonder. The sky was a deep blue,"
                + " and the clouds were a deep"})
    void itContinuesPromptsAsLlamaCppDoes(String prompt, String expected) {
        Path path = Path.of(System.getenv("MILLRACE_TINYLLAMA"));
        CpuBackend backend = new CpuBackend(CpuKernels.vector(), POOL, Duration.ZERO);

        assertThat(GreedyText.continuation(path, backend, prompt, 24)).isEqualTo(expected);
    }

    /** llama.cpp's own value, by the same convention, is 13.60. */
    @Tag("proof")
    @ParameterizedTest
    @ValueSource(strings = {"vector", "native"})
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void itsPerplexityIsWithinTwoPercentOfLlamaCpps(String kernels) throws IOException {
        String text = Files.readString(Path.of(System.getenv("MILLRACE_TEST_DATA"), "text",
                "wikitext2-test-first-half.txt")).substring(0, 10_000);
        CpuBackend backend = new CpuBackend(
                kernels.equals("native") ? NativeTwin.open() : CpuKernels.vector(), POOL,
                Duration.ZERO);

        assertThat(Perplexity.of(Path.of(System.getenv("MILLRACE_TINYLLAMA")), backend, text, 512,
                2)).isCloseTo(13.60, withinPercentage(2));
    }
}
