package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

    /**
     * By llama.cpp's convention: chunks of 512 tokens that each begin with the start token, the
     * second half of each scored. llama.cpp's own value is 13.60.
     */
    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void itsPerplexityIsWithinTwoPercentOfLlamaCpps() throws IOException {
        String text = Files.readString(Path.of(System.getenv("MILLRACE_TEST_DATA"), "text",
                "wikitext2-test-first-half.txt")).substring(0, 10_000);
        CpuBackend backend = new CpuBackend(CpuKernels.vector(), POOL, Duration.ZERO);
        try (Model model = Model.open(Path.of(System.getenv("MILLRACE_TINYLLAMA")));
                ForwardPass pass = backend.open(model.spec(), model.weights(),
                        new MemoryBudget(4L << 30, 512, 1, 512))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            int[] tokens = tokenizer.encode(text, true);
            double logprobs = 0;
            for (int begin = 0; begin < 2 * 512; begin += 512) {
                int[] chunk = Arrays.copyOfRange(tokens, begin, begin + 512);
                chunk[0] = tokenizer.startToken();
                OutputRequest second = new TargetLogprobs(Arrays.copyOfRange(chunk, 257, 512));
                for (float logprob : SequenceFeed.inBlocks(0, 32)
                        .step(pass, second, null, Arrays.copyOf(chunk, 511)).logprobs()) {
                    logprobs += logprob;
                }
            }
            assertThat(Math.exp(-logprobs / (2 * 255))).isCloseTo(13.60, withinPercentage(2));
        }
    }
}
