package dev.millrace.engine.cuda;

import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.GreedyText;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;

/** Trained models say on an emulated device what they say on the processor, token by token. */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class CudaRealModelTest {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @Test
    void stories260kTellsTheSameStory() {
        assertTheSame("stories260K-f32.gguf", "", 80);
    }

    @Tag("proof")
    @ParameterizedTest
    @ValueSource(strings = {"stories15M-Q8_0.gguf", "stories15M-Q4_0.gguf"})
    void stories15mTellsTheSameStory(String file) {
        assertTheSame(file, "Once upon a time", 20);
    }

    private static void assertTheSame(String file, String prompt, int tokens) {
        Path path = Path.of(System.getenv("MILLRACE_TEST_DATA"), "models", file);
        String onTheProcessor = GreedyText.continuation(path,
                new CpuBackend(CpuKernels.vector(), POOL, Duration.ZERO), prompt, tokens);

        assertThat(GreedyText.continuation(path, EmulatedBackend.open(POOL,
                new CudaSettings(CudaLaunches.OVERLAPPED, CudaActivations.F16)), prompt, tokens))
                .isEqualTo(onTheProcessor);
        assertThat(onTheProcessor).hasSizeGreaterThan(tokens);
    }
}
