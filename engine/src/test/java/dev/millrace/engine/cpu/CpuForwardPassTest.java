package dev.millrace.engine.cpu;

import com.sun.management.ThreadMXBean;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.WeightRole;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** What is the processor's own: memory, warm-up, allocation. */
class CpuForwardPassTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final MemoryBudget AMPLE = new MemoryBudget(1L << 30, CONTEXT, 4, CONTEXT);

    private final WorkerPool pool = WorkerPool.create(2);
    private final CpuBackend backend = new CpuBackend(CpuKernels.scalar(), pool, Duration.ZERO);
    private final RandomModel model = RandomModel.plain();

    @AfterEach
    void closePool() {
        pool.close();
    }

    private DeviceMemory memory(MemoryBudget budget) {
        try (ForwardPass pass = backend.open(model.spec(), model, budget)) {
            return pass.memory();
        }
    }

    @Test
    void theDescriptionNamesKernelsAndThreads() {
        assertThat(backend.name()).isEqualTo("cpu");
        assertThat(backend.description()).isEqualTo("cpu: scalar kernels, 2 threads");
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector", "native"})
    void whatIsForetoldIsWhatOpeningTakes(String name) {
        CpuKernels kernels = switch (name) {
            case "scalar" -> CpuKernels.scalar();
            case "vector" -> CpuKernels.vector();
            default -> NativeTwin.open();
        };
        for (RandomModel each : RandomModel.all()) {
            for (KvFormat format : KvFormat.values()) {
                MemoryBudget budget = new MemoryBudget(1L << 30, CONTEXT, 4, CONTEXT, format);
                try (ForwardPass pass = new CpuBackend(kernels, pool, Duration.ZERO)
                        .open(each.spec(), each, budget)) {
                    assertThat(CpuBackend.memoryNeeded(kernels, pool.workers(), each.spec(), each,
                            budget)).as("%s", each).isEqualTo(pass.memory());
                    assertThat(CpuBackend.cacheBytesPerToken(each.spec(), format)
                            * pass.cacheGeometry().groups().getFirst().blocks()
                            * pass.cacheGeometry().blockTokens())
                            .isEqualTo(pass.memory().cacheBytes());
                }
            }
        }
    }

    static List<RandomModel> models() {
        return RandomModel.all().stream()
                .filter(each -> each.get(WeightRole.QUERY, 0).format() == QuantFormat.F32)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("models")
    void aStepAllocatesNextToNothingOnceItIsWarm(RandomModel any) {
        try (ForwardPass pass = backend.open(any.spec(), any, AMPLE)) {
            SequenceFeed feed = SequenceFeed.inBlocks(0, CONTEXT / 32);
            SamplingRow sampling = SamplingRow.of(1, 20, 0.9f, 0.01f, 3);
            StepBatch[] batches = new StepBatch[CONTEXT];
            for (int i = 0; i < batches.length; i++) {
                SequenceRow row = feed.row(OutputRequest.SAMPLE_LAST, sampling, i);
                batches[i] = SequenceFeed.batch(pass, row);
            }
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = 0;
            for (int i = 0; i < batches.length; i++) {
                if (i == batches.length / 2) {
                    before = threads.getCurrentThreadAllocatedBytes();
                }
                pass.step(batches[i]);
            }
            long bytesPerStep = (threads.getCurrentThreadAllocatedBytes() - before)
                    / (batches.length / 2);

            // The result of one row: a handful of small objects.
            assertThat(bytesPerStep).isLessThan(1024);
        }
    }

    @Test
    void warmingUpLeavesAnEmptyCache() {
        CpuBackend warming = new CpuBackend(CpuKernels.scalar(), pool, Duration.ofMillis(400));
        try (ForwardPass warmed = warming.open(model.spec(), model, AMPLE);
                ForwardPass fresh = backend.open(model.spec(), model, AMPLE)) {
            // Positions 0 to 15 were never computed by this sequence: both caches hold zeros there.
            SequenceRow late = new SequenceRow(new int[]{7}, 16, new int[][]{{0, 1}},
                    SequenceRow.NO_ADAPTER, new OutputRequest.FullLogits(1), null);
            assertThat(SequenceFeed.step(warmed, late).getFirst().values())
                    .isEqualTo(SequenceFeed.step(fresh, late).getFirst().values());
        }
    }

    @Test
    void aSmallerBudgetLeavesFewerBlocks() {
        DeviceMemory ample = memory(AMPLE);
        long blockBytes = ample.cacheBytes() / (4 * (CONTEXT / 32 + 1));
        long tight = ample.totalBytes() - 3 * blockBytes - 1;

        DeviceMemory smaller = memory(new MemoryBudget(tight, CONTEXT, 4, CONTEXT));

        assertThat(smaller.cacheBytes()).isEqualTo(ample.cacheBytes() - 4 * blockBytes);
        assertThat(smaller.totalBytes()).isLessThanOrEqualTo(tight);
    }

    /** Windows of 19 positions in three of four layers. */
    @Test
    void layersWithAWindowHaveBlocksForWindowsOnly() {
        RandomModel gemma = RandomModel.all().stream()
                .filter(each -> each.toString().endsWith("as gemma 3")).findFirst().orElseThrow();
        MemoryBudget budget = new MemoryBudget(1L << 30, 1024, 4, 16);
        DeviceMemory ample;
        try (ForwardPass pass = backend.open(gemma.spec(), gemma, budget)) {
            List<LayerGroup> groups = pass.cacheGeometry().groups();
            assertThat(groups).extracting(LayerGroup::layers).containsExactly(1, 3);
            assertThat(groups).extracting(LayerGroup::windowTokens).containsExactly(0, 19);
            assertThat(groups.get(0).blocks()).as("4 contexts of 32 blocks, 4 to copy on write")
                    .isEqualTo(132);
            assertThat(groups.get(1).blocks()).as("3 windows of 2 blocks and 1, 4 times; a step")
                    .isEqualTo(29);
            ample = pass.memory();
            assertThat(ample).isEqualTo(CpuBackend.memoryNeeded(CpuKernels.scalar(),
                    pool.workers(), gemma.spec(), gemma, budget));
        }
        long tightBytes = ample.totalBytes() - ample.cacheBytes() / 2;
        try (ForwardPass pass = backend.open(gemma.spec(), gemma,
                new MemoryBudget(tightBytes, 1024, 4, 16))) {
            List<LayerGroup> groups = pass.cacheGeometry().groups();
            assertThat(groups.get(0).blocks()).as("a context, and its part of the rest")
                    .isBetween(32 + 10, 132 - 10);
            assertThat(groups.get(1).blocks()).isBetween(3 + 3, 29 - 3);
            assertThat(pass.memory().totalBytes()).isLessThanOrEqualTo(tightBytes);
        }
    }

    @Test
    void aWindowThatNoSequenceGrowsBeyondIsNone() {
        RandomModel gemma = RandomModel.all().stream()
                .filter(each -> each.toString().endsWith("as gemma 3")).findFirst().orElseThrow();
        try (ForwardPass pass = backend.open(gemma.spec(), gemma,
                new MemoryBudget(1L << 30, 19, 4, 16))) {
            assertThat(pass.cacheGeometry().groups()).hasSize(1);
            assertThat(pass.cacheGeometry().groups().getFirst().windowTokens()).isZero();
        }
    }

    @Test
    void aBudgetThatHoldsNoFullContextIsRefusedWithNumbersAndAdvice() {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> memory(new MemoryBudget(100_000, CONTEXT, 4, CONTEXT)))
                .withMessageContaining("of the memory limit of 100000 bytes")
                .withMessageContaining("the cache of one full context 82944")
                .withMessageContaining("raise the memory limit, or lower the context");
    }

    @Test
    void aClosedPassRefusesToStepAndClosesOnce() {
        ForwardPass pass = backend.open(model.spec(), model, AMPLE);
        pass.close();
        pass.close();

        assertThatIllegalStateException()
                .isThrownBy(() -> SequenceFeed.inBlocks(0, 1).logits(pass, 1))
                .withMessageContaining("closed");
    }

    @Test
    void aWeightOfTheWrongShapeIsRefusedByName() {
        RandomModel other = RandomModel.withVocabulary(500);

        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> backend.open(other.spec(), model, AMPLE))
                .withMessage(
                        "the TOKEN_EMBEDDING weight is 131 x 96, but the model's sizes ask for "
                                + "500 x 96; the file is damaged or of an unsupported kind");
    }
}
