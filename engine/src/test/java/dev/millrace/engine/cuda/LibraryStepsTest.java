package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.CudaProducts.Way;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.StandInCublasLt;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Steps whose products of many tokens are a library's, beside those of the kernels alone. */
class LibraryStepsTest {

    private static final WorkerPool POOL = WorkerPool.create(2);
    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final int SEQUENCES = 6;
    private static final int LEAST_TOKENS = 6;
    private static final MemoryBudget BUDGET = new MemoryBudget(1L << 30, CONTEXT, SEQUENCES, 40);
    /** Of the largest logit: weights have eleven bits, in place of what the file says. */
    private static final double TOLERANCE = 5e-3;

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    /** With biases, halves, minimums, and a network beside experts. */
    static Stream<RandomModel> models() {
        return RandomModel.all().stream()
                .filter(model -> List.of("attention bias", "format F16", "Q4_K",
                        "as qwen2-moe").stream().anyMatch(model.toString()::endsWith));
    }

    private static CudaSettings settings(Way way, CudaActivations activations) {
        return new CudaSettings(CudaLaunches.OVERLAPPED, activations,
                new CudaProducts(way, LEAST_TOKENS));
    }

    private static ForwardPass open(RandomModel model, Way way) {
        return open(model, EmulatedBackend.open(POOL, settings(way, CudaActivations.F16X2)));
    }

    private static ForwardPass open(RandomModel model, Backend backend) {
        return backend.open(model.spec(), model, BUDGET);
    }

    private static int[] tokens(RandomModel model, int count, long seed) {
        return new Random(seed).ints(count, 0, model.spec().vocabularySize()).toArray();
    }

    private static SequenceFeed feed(int sequence) {
        int blocks = Math.ceilDiv(CONTEXT, 32);
        return SequenceFeed.inBlocks(sequence * blocks, blocks);
    }

    /** Logits of a prompt's last three tokens. */
    private static float[] prompt(RandomModel model, ForwardPass pass, int tokens) {
        return feed(0).step(pass, new FullLogits(3), null, tokens(model, tokens, 1)).values();
    }

    private static void assertClose(float[] logits, float[] expected) {
        float largest = 0;
        for (float each : expected) {
            largest = Math.max(largest, Math.abs(each));
        }
        assertThat(logits).hasSameSizeAs(expected);
        for (int i = 0; i < logits.length; i++) {
            assertThat((double) logits[i]).as("logit %d", i)
                    .isCloseTo(expected[i], within(TOLERANCE * largest));
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void promptsAreWhatTheKernelsMakeOfThemAndSmallStepsTheSame(RandomModel model) {
        try (ForwardPass own = open(model, Way.OWN);
                ForwardPass library = open(model, Way.CUBLASLT);
                ForwardPass copies = open(model, Way.CUBLASLT_COPIES)) {
            long before = StandInCublasLt.products();
            float[] expected = prompt(model, own, 23);
            assertThat(StandInCublasLt.products()).isEqualTo(before);
            float[] logits = prompt(model, library, 23);
            assertThat(StandInCublasLt.products()).isGreaterThan(before);
            assertClose(logits, expected);
            assertThat(prompt(model, copies, 23)).isEqualTo(logits);

            before = StandInCublasLt.products();
            assertThat(prompt(model, library, LEAST_TOKENS - 1))
                    .isEqualTo(prompt(model, own, LEAST_TOKENS - 1));
            assertThat(StandInCublasLt.products()).isEqualTo(before);
        }
    }

    @Test
    void activationsOfOneHalfTakeOneProductForEachMatrix() {
        RandomModel model = RandomModel.plain();
        try (ForwardPass one = open(model, EmulatedBackend.open(POOL,
                settings(Way.CUBLASLT, CudaActivations.F16)));
                ForwardPass own = open(model, Way.OWN)) {
            long before = StandInCublasLt.products();
            float[] logits = prompt(model, one, 23);
            assertThat(StandInCublasLt.products() - before).isEqualTo(7L * model.spec().layers());
            assertClose(logits, prompt(model, own, 23));
        }
    }

    /** The library may have to load its kernels first, which a capture forbids. */
    @Test
    void aLargeStepIsLaunchedKernelByKernelOnceAndThenCaptured() {
        RandomModel model = RandomModel.plain();
        try (ForwardPass captured = open(model, Way.CUBLASLT);
                ForwardPass plain = open(model, EmulatedBackend.open(POOL, new CudaSettings(
                        CudaLaunches.SINGLE, CudaActivations.F16X2,
                        new CudaProducts(Way.CUBLASLT, LEAST_TOKENS))))) {
            SequenceFeed[] feeds = IntStream.range(0, SEQUENCES)
                    .mapToObj(LibraryStepsTest::feed).toArray(SequenceFeed[]::new);
            long captures = EmulatedDriver.count("captures");
            for (int step = 0; step < 4; step++) {
                int seed = step;
                SequenceRow[] rows = IntStream.range(0, SEQUENCES)
                        .mapToObj(i -> feeds[i].row(new FullLogits(1), null,
                                tokens(model, 1, 10 * seed + i)))
                        .toArray(SequenceRow[]::new);
                long graphs = EmulatedDriver.count("graphs");
                List<RowResult> results = SequenceFeed.step(captured, rows);
                assertThat(EmulatedDriver.count("graphs") - graphs).isEqualTo(step == 0 ? 0 : 1);
                List<RowResult> expected = SequenceFeed.step(plain, rows);
                for (int i = 0; i < SEQUENCES; i++) {
                    assertThat(results.get(i).values()).isEqualTo(expected.get(i).values());
                }
            }
            assertThat(EmulatedDriver.count("captures") - captures).isOne();
        }
    }

    @Test
    void theForecastIsWhatIsTaken() {
        RandomModel model = RandomModel.plain();
        EmulatedDriver.load();
        for (Way way : Way.values()) {
            CudaSettings settings = settings(way, CudaActivations.F16);
            try (ForwardPass pass = open(model, new CudaBackend(
                    CudaProbe.find().device().orElseThrow(), EmulatedDriver.image(),
                    CpuKernels.scalar(), POOL, settings))) {
                assertThat(CudaBackend.memoryNeeded(model.spec(), model, BUDGET, settings))
                        .isEqualTo(pass.memory());
            }
        }
        CudaSettings kept = settings(Way.CUBLASLT_COPIES, CudaActivations.F16);
        CudaSettings anew = settings(Way.CUBLASLT, CudaActivations.F16);
        assertThat(LibraryMatrices.bytes(model.spec(), BUDGET, kept))
                .isGreaterThan(LibraryMatrices.bytes(model.spec(), BUDGET, anew));
    }

    @Test
    void devicesThatShareAModelMultiplyTheirShares() {
        RandomModel model = RandomModel.plain();
        try (ForwardPass own = open(model, EmulatedBackend.open(POOL, 2));
                ForwardPass library = open(model, EmulatedBackend.open(POOL, 2,
                        settings(Way.CUBLASLT, CudaActivations.F16X2)))) {
            long before = StandInCublasLt.products();
            float[] logits = prompt(model, library, 23);
            assertThat(StandInCublasLt.products() - before)
                    .as("seven matrices on either, twice for two halves")
                    .isEqualTo(2 * 2 * 7L * model.spec().layers());
            assertClose(logits, prompt(model, own, 23));
        }
    }
}
