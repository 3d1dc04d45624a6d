package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.ReferenceTransformer;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.EmulatedDriver;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/**
 * A quick look at the forward pass on an emulated device: models that between them have every
 * switch, and what is the device's own. The whole contract is among the proofs.
 */
class CudaBackendTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final double TOLERANCE = 5e-5;
    private static final double HALF_TOLERANCE = 4e-3;

    private final WorkerPool pool = WorkerPool.create(2);
    private final RandomModel plain = RandomModel.plain();

    @AfterEach
    void closePool() {
        pool.close();
    }

    static Stream<RandomModel> models() {
        return RandomModel.all().stream().filter(model -> List.of("as gemma 3", "as gemma 2",
                "as olmo2", "as qwen2-moe", "as gpt-oss", "Q4_K", "Q8_0")
                .stream().anyMatch(model.toString()::endsWith));
    }

    private static int[] prompt(RandomModel model, int length) {
        return new Random(length).ints(length, 0, model.spec().vocabularySize()).toArray();
    }

    private ForwardPass open(RandomModel model, KvFormat format) {
        return open(model, format, CudaActivations.F16X2);
    }

    private ForwardPass open(RandomModel model, KvFormat format, CudaActivations activations) {
        return EmulatedBackend.open(pool, new CudaSettings(CudaLaunches.OVERLAPPED, activations))
                .open(model.spec(), model, new MemoryBudget(1L << 30, CONTEXT, 4, 40, format));
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAgreeWithTheReference(RandomModel model) {
        requireReference(model, CudaActivations.F16X2, TOLERANCE);
    }

    @Test
    void logitsOfActivationsOfOneHalfAreNearTheReference() {
        requireReference(plain, CudaActivations.F16, HALF_TOLERANCE);
    }

    private void requireReference(RandomModel model, CudaActivations activations,
            double tolerance) {
        int[] tokens = prompt(model, 26);
        double[][] expected = new ReferenceTransformer(model.spec(), model).logits(tokens);
        try (ForwardPass pass = open(model, KvFormat.F32, activations)) {
            SequenceFeed feed = SequenceFeed.inBlocks(0, 1);
            feed.logits(pass, Arrays.copyOf(tokens, 24));
            for (int position = 24; position < 26; position++) {
                float[] logits = feed.logits(pass, tokens[position]);
                double largest = Arrays.stream(expected[position]).map(Math::abs).max()
                        .orElseThrow();
                for (int i = 0; i < logits.length; i++) {
                    assertThat((double) logits[i]).as("logit %d at %d", i, position)
                            .isCloseTo(expected[position][i], within(tolerance * largest));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRowHasTheSameBitsAloneAndInCompany(CudaActivations activations) {
        int[] tokens = prompt(plain, 21);
        try (ForwardPass pass = open(plain, KvFormat.F16, activations)) {
            float[] alone = SequenceFeed.inBlocks(0, 1).logits(pass, tokens);
            SequenceFeed chunked = SequenceFeed.inBlocks(1, 1);
            chunked.logits(pass, Arrays.copyOf(tokens, 9));
            List<RowResult> together = SequenceFeed.step(pass,
                    SequenceFeed.inBlocks(2, 1).row(OutputRequest.SAMPLE_LAST,
                            SamplingRow.of(1, 5, 0.9f, 0, 1), 1, 2, 3),
                    chunked.row(new FullLogits(1), null, Arrays.copyOfRange(tokens, 9, 21)),
                    SequenceFeed.inBlocks(3, 1).row(new PooledHidden(Pooling.MEAN), null, 4, 5));

            assertThat(together.get(1).values()).isEqualTo(alone);
            assertThat(together.get(2).values()).hasSize(plain.spec().embeddingSize());
        }
    }

    /** Such as a seed, a mask or log probabilities: read from the logits on the processor. */
    @Test
    void aRowIsSampledAsTheLogitsSayOnTheDeviceAndOffIt() {
        int[] tokens = prompt(plain, 12);
        try (ForwardPass pass = open(plain, KvFormat.F16)) {
            RowResult greedy = SequenceFeed.inBlocks(0, 1).step(pass, OutputRequest.SAMPLE_LAST,
                    SamplingRow.GREEDY, tokens);
            RowResult top = SequenceFeed.inBlocks(1, 1).step(pass, new TopLogprobs(1, 3),
                    SamplingRow.GREEDY, tokens);
            SequenceRow[] drawn = {row(2, 7, tokens), row(3, 7, tokens)};
            List<RowResult> draws = SequenceFeed.step(pass, drawn);

            assertThat(top.tokens()).isEqualTo(greedy.tokens());
            assertThat(top.top().getFirst().tokens()[0]).isEqualTo(greedy.tokens()[0]);
            assertThat(draws.get(0).tokens()).isEqualTo(draws.get(1).tokens());
        }
    }

    private static SequenceRow row(int block, long seed, int[] tokens) {
        return SequenceFeed.inBlocks(block, 1).row(OutputRequest.SAMPLE_LAST,
                SamplingRow.of(2, 0, 1, 0, seed), tokens);
    }

    @Test
    void whatIsForetoldIsWhatOpeningTakesAndClosingGivesBack() {
        EmulatedDriver.load();
        MemoryBudget budget = new MemoryBudget(1L << 30, CONTEXT, 4, 40);
        for (RandomModel model : models().toList()) {
            for (CudaActivations activations : CudaActivations.values()) {
                try (ForwardPass pass = new CudaBackend(CudaProbe.find().device().orElseThrow(),
                        EmulatedDriver.image(), CpuKernels.scalar(), pool,
                        new CudaSettings(CudaLaunches.OVERLAPPED, activations))
                        .open(model.spec(), model, budget)) {
                    assertThat(CudaBackend.memoryNeeded(model.spec(), model, budget,
                            new CudaSettings(CudaLaunches.OVERLAPPED, activations)))
                            .as("%s", model).isEqualTo(pass.memory());
                }
            }
        }
    }

    @Test
    void aDeviceWithTooLittleMemoryIsToldWithNumbers() {
        long before = EmulatedDriver.set("memory", 1 << 20);
        try {
            assertThatExceptionOfType(BackendException.class)
                    .isThrownBy(() -> open(plain, KvFormat.F16))
                    .withMessageContaining("bytes of memory left, and")
                    .withMessageEndingWith("for random; lower the memory limit below what is free"
                            + " (see nvidia-smi)");
        } finally {
            EmulatedDriver.set("memory", before);
        }
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> EmulatedBackend.open(pool).open(plain.spec(), plain,
                        new MemoryBudget(900_000, CONTEXT, 4, 40)))
                .withMessageContaining("raise the memory limit");
    }

    @Test
    void aClosedPassRefusesToStepAndClosesOnce() {
        ForwardPass pass = open(plain, KvFormat.F16);
        pass.close();
        pass.close();

        assertThatIllegalStateException()
                .isThrownBy(() -> SequenceFeed.inBlocks(0, 1).logits(pass, 1))
                .withMessageContaining("closed");
    }
}
