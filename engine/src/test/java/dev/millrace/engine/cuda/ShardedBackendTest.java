package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.ReferenceTransformer;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.Nccl;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** Models that several emulated devices share; the whole contract is among the proofs. */
class ShardedBackendTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final double TOLERANCE = 5e-5;
    private static final CudaSettings SETTINGS = new CudaSettings(CudaLaunches.OVERLAPPED,
            CudaActivations.F16);
    private static final MemoryBudget BUDGET = new MemoryBudget(1L << 30, CONTEXT, 4, 40);

    private final WorkerPool pool = WorkerPool.create(2);
    private final RandomModel plain = RandomModel.plain();

    @AfterEach
    void closePool() {
        pool.close();
    }

    private static RandomModel model(String name) {
        return RandomModel.all().stream().filter(model -> model.toString().endsWith(name))
                .findFirst().orElseThrow();
    }

    private static int[] prompt(RandomModel model, int length) {
        return new Random(length).ints(length, 0, model.spec().vocabularySize()).toArray();
    }

    @ParameterizedTest
    @CsvSource({"2, as olmo2", "2, as gpt-oss", "2, as qwen2-moe", "3, plain F32"})
    void logitsAgreeWithTheReference(int devices, String name) {
        requireReference(devices, model(name));
    }

    @ParameterizedTest
    @CsvSource({"2, Q4_K", "4, Q8_0"})
    void blocksOfWeightsStayWhole(int devices, QuantFormat format) {
        requireReference(devices, RandomModel.wide(format));
    }

    private void requireReference(int devices, RandomModel model) {
        int[] tokens = prompt(model, 7);
        double[][] expected = new ReferenceTransformer(model.spec(), model).logits(tokens);
        try (ForwardPass pass = EmulatedBackend.open(pool, devices).open(model.spec(), model,
                new MemoryBudget(1L << 30, CONTEXT, 4, 40, KvFormat.F32))) {
            SequenceFeed feed = SequenceFeed.inBlocks(0, 1);
            feed.logits(pass, Arrays.copyOf(tokens, 6));
            float[] logits = feed.logits(pass, tokens[6]);
            double largest = Arrays.stream(expected[6]).map(Math::abs).max().orElseThrow();
            for (int i = 0; i < logits.length; i++) {
                assertThat((double) logits[i]).as("logit %d", i)
                        .isCloseTo(expected[6][i], within(TOLERANCE * largest));
            }
        }
    }

    @Test
    void aRowHasTheSameBitsAloneAndInCompany() {
        int[] tokens = prompt(plain, 21);
        try (ForwardPass pass = EmulatedBackend.open(pool, 3).open(plain.spec(), plain, BUDGET)) {
            float[] alone = SequenceFeed.inBlocks(0, 1).logits(pass, tokens);
            SequenceFeed chunked = SequenceFeed.inBlocks(1, 1);
            chunked.logits(pass, Arrays.copyOf(tokens, 9));
            List<RowResult> together = SequenceFeed.step(pass,
                    SequenceFeed.inBlocks(2, 1).row(OutputRequest.SAMPLE_LAST,
                            SamplingRow.of(1, 5, 0.9f, 0, 1), 1, 2, 3),
                    chunked.row(new FullLogits(1), null, Arrays.copyOfRange(tokens, 9, 21)));

            assertThat(together.get(1).values()).isEqualTo(alone);
        }
    }

    @Test
    void whatIsForetoldIsWhatOpeningTakesOfEachAndClosingGivesBack() {
        long before = EmulatedDriver.set("memory", 64L << 20);
        try {
            ShardedBackend backend = new ShardedBackend(EmulatedDriver.devices(3),
                    EmulatedDriver.image(), Nccl::load,
                    CpuKernels.scalar(), pool, SETTINGS);
            for (int i = 0; i < 2; i++) {
                try (ForwardPass pass = backend.open(plain.spec(), plain, BUDGET)) {
                    assertThat(ShardedBackend.memoryNeeded(plain.spec(), plain, BUDGET, 3,
                            SETTINGS))
                            .isEqualTo(pass.memory());
                    assertThat(pass.memory().cacheBytes())
                            .isEqualTo(pass.cacheGeometry().totalBytes());
                }
            }
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }

    @Test
    void moreDevicesThanHeadsAreRefusedWithNumbers() {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> ShardedBackend.memoryNeeded(plain.spec(), plain, BUDGET, 4,
                        SETTINGS))
                .withMessage("random has 3 KV heads, too few for 4 GPUs; use at most 3");
        RandomModel blocks = RandomModel.inFormat(QuantFormat.Q4_K);
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> ShardedBackend.memoryNeeded(blocks.spec(), blocks, BUDGET, 2,
                        SETTINGS))
                .withMessage("random has 8 KV heads, which blocks of 256 weights keep together by"
                        + " 8, too few for 2 GPUs; use at most 1");
    }

    @Test
    void tooLittleMemoryIsToldWithTheDeviceAndItsShare() {
        long each = ShardedBackend.leastDeviceBytes(plain.spec(), plain, BUDGET, 2,
                SETTINGS) - 1;
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> new ShardedBackend(EmulatedDriver.devices(2),
                        EmulatedDriver.image(), Nccl::load, CpuKernels.scalar(), pool,
                        SETTINGS)
                        .open(plain.spec(), plain, new MemoryBudget(2 * each, CONTEXT, 4, 40)))
                .withMessageMatching("of the weights of random, [0-9]+ bytes go to GPU [01]"
                        + " \\(emulated device\\), and its share of the memory limit, " + each
                        + ", leaves [0-9]+ for them; raise the memory limit, use more GPUs or a"
                        + " smaller quantisation");
        long before = EmulatedDriver.set("memory", 1 << 19);
        try {
            assertThatExceptionOfType(BackendException.class)
                    .isThrownBy(() -> EmulatedBackend.open(pool, 2).open(plain.spec(), plain,
                            BUDGET))
                    .withMessageContaining("bytes of memory left, and");
        } finally {
            EmulatedDriver.set("memory", before);
        }
    }
}
