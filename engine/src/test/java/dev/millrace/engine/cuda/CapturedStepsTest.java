package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.EmulatedDriver;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Steps that were captured once and launched as one give the bits of kernels one by one. */
class CapturedStepsTest {

    private static final WorkerPool POOL = WorkerPool.create(2);
    private static final int SEQUENCES = 5;

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    /** With sliding windows, experts beside a network, sinks and experts with biases. */
    static Stream<RandomModel> models() {
        return RandomModel.all().stream().filter(model -> List.of("as gemma 3", "as qwen2-moe",
                "as gpt-oss").stream().anyMatch(model.toString()::endsWith));
    }

    private static ForwardPass open(RandomModel model, int devices, CudaLaunches launches,
            int context) {
        Backend backend = devices == 1
                ? EmulatedBackend.open(POOL, launches)
                : EmulatedBackend.open(POOL, devices, launches);
        return backend.open(model.spec(), model,
                new MemoryBudget(1L << 30, context, SEQUENCES, context, KvFormat.F16));
    }

    /** The same steps twice: launched as one where they can be, and kernel by kernel. */
    private static final class Twins implements AutoCloseable {

        private final RandomModel model;
        private final ForwardPass captured;
        private final ForwardPass plain;
        private final SequenceFeed[] feeds; // (sequences)
        private final Random random = new Random(8);

        Twins(RandomModel model, int context) {
            this(model, 1, context);
        }

        Twins(RandomModel model, int devices, int context) {
            this.model = model;
            captured = open(model, devices, CudaLaunches.OVERLAPPED, context);
            plain = open(model, devices, CudaLaunches.SINGLE, context);
            int blocks = Math.ceilDiv(context, 32);
            // In a random order, as a server's are after a while.
            int[] ids = IntStream.range(0, SEQUENCES * blocks).boxed()
                    .sorted((a, b) -> Integer.compare(a * 7 % 11, b * 7 % 11))
                    .mapToInt(Integer::intValue).toArray();
            feeds = IntStream.range(0, SEQUENCES).mapToObj(i -> SequenceFeed.inBlocks(
                    Arrays.copyOfRange(ids, i * blocks, (i + 1) * blocks)))
                    .toArray(SequenceFeed[]::new);
        }

        /** As decoding: every token wants logits. */
        SequenceRow row(int sequence, int tokens) {
            return row(sequence, tokens, tokens);
        }

        SequenceRow prompt(int sequence, int tokens) {
            return row(sequence, tokens, 1);
        }

        private SequenceRow row(int sequence, int tokens, int wanted) {
            return feeds[sequence].row(new FullLogits(wanted), null, random.ints(tokens, 0,
                    model.spec().vocabularySize()).toArray());
        }

        /** Computes a step, and says how many launches of kernels and of graphs it took. */
        long[] step(SequenceRow... rows) {
            long kernels = EmulatedDriver.count("launches");
            long graphs = EmulatedDriver.count("graphs");
            List<RowResult> results = SequenceFeed.step(captured, rows);
            long[] launches = {EmulatedDriver.count("launches") - kernels,
                EmulatedDriver.count("graphs") - graphs};
            List<RowResult> expected = SequenceFeed.step(plain, rows);
            for (int i = 0; i < rows.length; i++) {
                assertThat(results.get(i).values()).as("row %d", i)
                        .isEqualTo(expected.get(i).values());
                assertThat(results.get(i).tokens()).as("row %d", i)
                        .isEqualTo(expected.get(i).tokens());
            }
            return launches;
        }

        @Override
        public void close() {
            captured.close();
            plain.close();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void replaysHaveTheBitsOfKernelsOneByOne(RandomModel model) {
        try (Twins twins = new Twins(model, RandomModel.CONTEXT_TOKENS)) {
            twins.step(twins.prompt(0, 23), twins.prompt(1, 4));
            for (int rows = 1; rows <= SEQUENCES; rows++) {
                SequenceRow[] step = IntStream.range(0, rows).mapToObj(i -> twins.row(i, 1))
                        .toArray(SequenceRow[]::new);
                assertThat(twins.step(step)).as("%d rows", rows).containsExactly(0, 1);
            }
            // Guesses to verify: more tokens than rows.
            assertThat(twins.step(twins.row(4, 3), twins.row(1, 1), twins.row(0, 3)))
                    .containsExactly(0, 1);
        }
    }

    /** With a norm of all heads, which is exchanged as well; and with experts and sinks. */
    @ParameterizedTest
    @CsvSource({"as olmo2, 2", "as gpt-oss, 2", "plain F32, 3"})
    void stepsThatDevicesShareAreOneLaunchForEach(String name, int devices) {
        RandomModel model = RandomModel.all().stream()
                .filter(each -> each.toString().endsWith(name)).findFirst().orElseThrow();
        try (Twins twins = new Twins(model, devices, RandomModel.CONTEXT_TOKENS)) {
            twins.step(twins.prompt(0, 23), twins.prompt(1, 4));
            for (int i = 0; i < 3; i++) {
                assertThat(twins.step(twins.row(0, 1), twins.row(1, 1)))
                        .containsExactly(0, devices);
            }
            // Kernels by themselves between two recordings, and guesses to verify.
            twins.step(twins.prompt(2, 7));
            assertThat(twins.step(twins.row(2, 1), twins.row(1, 1), twins.row(0, 3)))
                    .containsExactly(0, devices);
        }
    }

    @Test
    void sequencesThatGrowPastAChunkTakeTheNextShape() {
        RandomModel model = RandomModel.plain();
        try (Twins twins = new Twins(model, 560)) {
            twins.feeds[0].rewind(244); // what nobody wrote is zeros for both
            twins.step(twins.prompt(0, 10));
            long before = EmulatedDriver.count("captures");
            for (int i = 0; i < 4; i++) { // to position 257
                assertThat(twins.step(twins.row(1, 1), twins.row(0, 1))).containsExactly(0, 1);
            }
            twins.feeds[0].rewind(500);
            twins.step(twins.prompt(0, 10));
            for (int i = 0; i < 3; i++) {
                assertThat(twins.step(twins.row(0, 1))).containsExactly(0, 1);
            }
            assertThat(EmulatedDriver.count("captures") - before)
                    .as("two tokens in two chunks, one in two and one in four").isEqualTo(3);
        }
    }

    @Test
    void whatIsNoDecodingIsLaunchedKernelByKernel() {
        RandomModel model = RandomModel.plain();
        try (Twins twins = new Twins(model, RandomModel.CONTEXT_TOKENS)) {
            assertThat(twins.step(twins.row(0, 1), twins.prompt(1, 3))).satisfies(launches -> {
                assertThat(launches[0]).isGreaterThan(10);
                assertThat(launches[1]).isZero();
            });
        }
    }

    @Test
    void shapesAreFewAndHaveRoomForEveryStep() {
        StepBuckets buckets = new StepBuckets(new MemoryBudget(1, 5000, 300, 4096), 280);
        assertThat(buckets.first()).extracting(StepShape::tokens)
                .containsExactly(1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 280);
        assertThat(buckets.first()).allSatisfy(shape -> {
            assertThat(shape.rows()).isEqualTo(shape.tokens());
            assertThat(shape.chunks()).isOne();
        });
    }
}
