package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.ReferenceTransformer;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Every layer of every kind of kernels stays close to the reference in double. */
class LayerProbeTest {

    /** How far an element may be off after a layer, as a share of that layer's largest. */
    private static final double TOLERANCE_PER_LAYER = 1e-5;
    private static final int TOKENS = 50;
    private static final WorkerPool POOL = WorkerPool.create(2);

    static Stream<Arguments> kernelsAndModels() {
        return Stream.of(CpuKernels.scalar(), CpuKernels.vector())
                .flatMap(kernels -> RandomModel.all()
                        .stream().map(model -> Arguments.of(kernels.name(), model, kernels)));
    }

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @ParameterizedTest(name = "{0}, {1}")
    @MethodSource("kernelsAndModels")
    void everyLayerStaysCloseToTheReference(String name, RandomModel model, CpuKernels kernels) {
        int[] tokens = new Random(1).ints(TOKENS, 0, model.spec().vocabularySize()).toArray();
        ReferenceTransformer reference = new ReferenceTransformer(model.spec(), model);
        reference.logits(tokens);
        float[][] hidden = new float[model.spec().layers()][];
        MemoryBudget budget = new MemoryBudget(1L << 30, RandomModel.CONTEXT_TOKENS, 1, TOKENS,
                KvFormat.F32);

        CpuBackend backend = new CpuBackend(kernels, POOL, Duration.ZERO);
        try (CpuForwardPass pass = backend.openPass(model.spec(), model, budget)) {
            pass.probe((layer, values, count, width) -> hidden[layer] = Arrays.copyOf(values,
                    count * width));
            SequenceFeed.inBlocks(0, 4).logits(pass, tokens);
        }

        for (int layer = 0; layer < hidden.length; layer++) {
            assertClose(hidden[layer], reference.hiddenAfter(layer), layer);
        }
    }

    private static void assertClose(float[] actual, double[] expected, int layer) {
        assertThat(actual).hasSameSizeAs(expected);
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        double allowed = (layer + 1) * TOLERANCE_PER_LAYER * largest;
        for (int i = 0; i < actual.length; i++) {
            assertThat((double) actual[i]).as("layer %d, element %d", layer, i)
                    .isCloseTo(expected[i], within(allowed));
        }
    }
}
