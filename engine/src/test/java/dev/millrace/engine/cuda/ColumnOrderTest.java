package dev.millrace.engine.cuda;

import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/** Weights whose columns are had in other orders, as GPTQ's by groups, on the emulated device. */
class ColumnOrderTest {

    private static final CudaSettings SETTINGS = new CudaSettings(CudaLaunches.OVERLAPPED,
            CudaActivations.F16X2);
    private static final int TOKENS = 21;
    private static final MemoryBudget BUDGET = new MemoryBudget(64 << 20, 32, 1, TOKENS,
            KvFormat.F32);
    private static final WorkerPool POOL = WorkerPool.create(1);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    /** Every matrix of a layer in an order of its own, but queries, keys and values in one. */
    private record Scattered(RandomModel model) implements Weights {

        @Override
        public QuantTensor find(WeightRole role, int layer, int expert) {
            return model.find(role, layer, expert);
        }

        @Override
        public OrderedTensor findOrdered(WeightRole role, int layer, int expert) {
            if (orderedFormat(role, layer, expert) == null) {
                return null;
            }
            QuantTensor tensor = model.find(role, layer, expert);
            int columns = (int) tensor.shape().columns();
            List<Integer> shuffled = new ArrayList<>(IntStream.range(0, columns).boxed().toList());
            boolean projection = role == WeightRole.KEY || role == WeightRole.VALUE;
            Collections.shuffle(shuffled, new Random((projection ? WeightRole.QUERY : role)
                    .ordinal() + 100L * layer + 1000L * expert));
            int[] order = shuffled.stream().mapToInt(Integer::intValue).toArray();
            float[] values = tensor.data().toArray(ValueLayout.JAVA_FLOAT);
            float[] ordered = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                ordered[i] = values[i / columns * columns + order[i % columns]];
            }
            return new OrderedTensor(QuantTensor.of(QuantFormat.F32, tensor.shape(),
                    MemorySegment.ofArray(ordered)), order);
        }

        @Override
        public QuantFormat orderedFormat(WeightRole role, int layer, int expert) {
            return role.perLayer() && role.isMatrix() && role.neededBy(model.spec(), layer)
                    ? QuantFormat.F32
                    : null;
        }

        @Override
        public long totalBytes() {
            return model.totalBytes();
        }
    }

    static List<RandomModel> models() {
        return RandomModel.all().stream().filter(model -> List.of("plain F32", "as qwen2-moe")
                .stream().anyMatch(model.toString()::endsWith)).toList();
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAreThoseOfColumnsThatLieAsTheyAreMultiplied(RandomModel model) {
        Weights scattered = new Scattered(model);
        float[] expected = logits(new CpuBackend(CpuKernels.scalar(), POOL, Duration.ZERO), model,
                scattered);
        requireClose(logits(EmulatedBackend.open(POOL), model, scattered), expected);
        requireClose(logits(EmulatedBackend.open(POOL, 2), model, scattered), expected);
        DeviceMemory needed = CudaBackend.memoryNeeded(model.spec(), scattered, BUDGET,
                SETTINGS);
        assertThat(needed.bufferBytes()).isGreaterThan(CudaBackend.memoryNeeded(model.spec(),
                model, BUDGET, SETTINGS).bufferBytes());
    }

    /** Each device has rows of what is in an order, and of other matrices what they are without. */
    @Test
    void devicesThatShareAModelKeepTheOrderOfMatricesWhoseRowsAreSharedOut() {
        RandomModel model = RandomModel.plain();
        ShardWeights second = new ShardWeights(new Scattered(model),
                new ShardSplit(model.spec(), model, 2), 1);

        OrderedTensor query = second.findOrdered(WeightRole.QUERY, 0, Weights.NO_EXPERT);
        assertThat(query.order()).hasSize(model.spec().embeddingSize());
        assertThat(query.tensor().shape().rows()).isLessThan(model.spec().querySize());
        assertThat(second.orderedFormat(WeightRole.UP, 0, Weights.NO_EXPERT)).isNotNull();
        for (WeightRole role : List.of(WeightRole.ATTENTION_OUTPUT, WeightRole.DOWN)) {
            assertThat(second.findOrdered(role, 0, Weights.NO_EXPERT)).isNull();
            assertThat(second.orderedFormat(role, 0, Weights.NO_EXPERT)).isNull();
        }
    }

    private static void requireClose(float[] actual, float[] expected) {
        float largest = 0;
        for (float logit : expected) {
            largest = Math.max(largest, Math.abs(logit));
        }
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).isCloseTo(expected[i], within(5e-5f * largest));
        }
    }

    private static float[] logits(Backend backend, RandomModel model, Weights weights) {
        int[] tokens = new Random(5).ints(TOKENS, 0, model.spec().vocabularySize()).toArray();
        try (ForwardPass pass = backend.open(model.spec(), weights, BUDGET)) {
            int[][] tables = pass.cacheGeometry().ownTables(0, TOKENS, TOKENS);
            return pass.step(new StepBatch(List.of(new SequenceRow(tokens, 0, tables,
                    SequenceRow.NO_ADAPTER, new FullLogits(TOKENS), null)),
                    BlockOperations.NONE)).rows().getFirst().values();
        }
    }
}
