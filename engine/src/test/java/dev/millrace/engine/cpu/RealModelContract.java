package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.GreedyText;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.Model;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

import static org.assertj.core.api.Assertions.*;

/** Trained models continue a text greedily as other implementations do. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RealModelContract {

    private final WorkerPool pool = WorkerPool.create(2);

    abstract CpuKernels kernels();

    @AfterAll
    void closePool() {
        pool.close();
    }

    /** The expected text is that of llama2.c's own test (test_all.py, MIT licence). */
    @Test
    void stories260kTellsWhatLlama2cTells() {
        assertThat(continuation("stories260K-f32.gguf", "", 200)).isEqualTo("""
                Once upon a time, there was a little girl named Lily. She loved to play outside \
                in the park. One day, she saw a big, red ball. She wanted to play with it, but it \
                was too high.
                Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what \
                to do. She said, "I want to play with your ball, but I can't find it."
                Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't \
                know what to do."
                Lily didn't want to help her mom, so she""");
    }

    /** The expected text is what llama.cpp's llama-completion (b9888, --temp 0) prints. */
    @Test
    void stories15mInQ8TellsWhatLlamaCppTells() {
        assertThat(continuation("stories15M-Q8_0.gguf", "Once upon a time", 100)).isEqualTo("""
                , there was a little girl named Lily. She loved to play outside in the sunshine. \
                One day, she saw a big, red ball in the sky. It was the sun! She thought it was \
                so pretty.
                Lily wanted to play with the ball, but it was too high up in the sky. She tried \
                to jump and reach it, but she couldn't. Then, she had an idea. She would use a \
                stick to get the ball down.
                """);
    }

    /** The same model twice; one file has rotating pairs side by side, the other in halves. */
    @Test
    void aDirectoryAndAGgufFileOfAModelAgree() {
        Path models = Path.of(System.getenv("MILLRACE_TEST_DATA"), "models");
        float[] directory = lastLogits(models.resolve("stories260K-hf"));
        float[] file = lastLogits(models.resolve("stories260K-f32.gguf"));
        for (int i = 0; i < file.length; i++) {
            assertThat(directory[i]).as("logit %d", i).isCloseTo(file[i], within(1e-4f));
        }
    }

    private float[] lastLogits(Path path) {
        try (Model model = Model.open(path);
                ForwardPass pass = new CpuBackend(kernels(), pool, Duration.ZERO)
                        .open(model.spec(), model.weights(),
                                new MemoryBudget(1L << 30, 64, 1, 64))) {
            return SequenceFeed.inBlocks(0, 2).logits(pass, 1, 403, 407, 261, 378, 417, 432, 383);
        }
    }

    /** The text of the likeliest tokens after a prompt that begins with the start token. */
    private String continuation(String file, String prompt, int tokens) {
        Path path = Path.of(System.getenv("MILLRACE_TEST_DATA"), "models", file);
        return GreedyText.continuation(path, new CpuBackend(kernels(), pool, Duration.ZERO), prompt,
                tokens);
    }
}
