package dev.millrace.engine.cuda;

import dev.millrace.engine.cpu.TinyLora;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Adapters on an emulated device: what the processor computes with them, whoever is beside. */
class CudaAdapterTest {

    private static final double TOLERANCE = 5e-5; // of the largest logit
    private static final List<String> ALL = List.of(TinyLora.NONE, "wide", "narrow", "even");
    private static final int PROMPT = 12;

    private static TinyLora open(int devices, List<String> names) {
        return new TinyLora(pool -> devices == 1
                ? EmulatedBackend.open(pool)
                : EmulatedBackend.open(pool, devices), names);
    }

    private static int[] prompt(int tokens) throws IOException {
        return Arrays.copyOf(TinyLora.prompt(), tokens);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void computesWhatTheProcessorComputes(int devices) throws IOException {
        try (TinyLora cpu = new TinyLora(CpuKernels.scalar());
                TinyLora gpu = open(devices, TinyLora.ADAPTERS)) {
            List<float[]> different = new ArrayList<>();
            for (String name : ALL) {
                SequenceFeed expecting = SequenceFeed.inBlocks(0, 1).withAdapter(cpu.slot(name));
                SequenceFeed feed = SequenceFeed.inBlocks(0, 1).withAdapter(gpu.slot(name));
                different.add(feed.logits(gpu.pass(), prompt(PROMPT)));
                close(different.getLast(), expecting.logits(cpu.pass(), prompt(PROMPT)), name);
                // A captured step, which the prompt was not.
                close(feed.logits(gpu.pass(), 7), expecting.logits(cpu.pass(), 7), name);
            }
            assertThat(different).doesNotHaveDuplicates();
        }
    }

    private static void close(float[] actual, float[] expected, String name) {
        double largest = IntStream.range(0, expected.length)
                .mapToDouble(i -> Math.abs(expected[i])).max().orElseThrow();
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) actual[i]).as("%s, logit %d", name, i)
                    .isCloseTo(expected[i], within(TOLERANCE * largest));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aRowsBitsDoNotDependOnTheAdaptersBeside(int devices) throws IOException {
        try (TinyLora plain = open(devices, List.of());
                TinyLora tiny = open(devices, TinyLora.ADAPTERS)) {
            List<float[]> alone = new ArrayList<>();
            List<SequenceRow> prompts = new ArrayList<>();
            List<SequenceRow> next = new ArrayList<>();
            for (int row = 0; row < ALL.size(); row++) {
                int slot = tiny.slot(ALL.get(row));
                // The first row has no adapter: alone, on a pass that has never heard of any.
                ForwardPass pass = row == 0 ? plain.pass() : tiny.pass();
                SequenceFeed feed = SequenceFeed.inBlocks(0, 1).withAdapter(slot);
                alone.add(feed.logits(pass, prompt(PROMPT - 3 * row)));
                alone.add(feed.logits(pass, 7));
                SequenceFeed beside = SequenceFeed.inBlocks(row, 1).withAdapter(slot);
                prompts.add(beside.row(new FullLogits(1), null, prompt(PROMPT - 3 * row)));
                next.add(beside.row(new FullLogits(1), null, 7));
            }
            List<RowResult> first = step(tiny.pass(), prompts);
            List<RowResult> second = step(tiny.pass(), next);
            for (int row = 0; row < ALL.size(); row++) {
                assertThat(first.get(row).values()).as(ALL.get(row))
                        .isEqualTo(alone.get(2 * row));
                assertThat(second.get(row).values()).as(ALL.get(row))
                        .isEqualTo(alone.get(2 * row + 1));
            }
        }
    }

    private static List<RowResult> step(ForwardPass pass, List<SequenceRow> rows) {
        return SequenceFeed.step(pass, rows.toArray(SequenceRow[]::new));
    }

    /** Another adapter takes its place in the device's directory, and captured steps follow. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void adaptersComeAndGoBetweenSteps(int devices) throws IOException {
        try (TinyLora tiny = open(devices, TinyLora.ADAPTERS)) {
            ForwardPass pass = tiny.pass();
            int gone = tiny.slot("wide");
            float[] wide = SequenceFeed.inBlocks(0, 1).withAdapter(gone).logits(pass, 7);
            float[] even = SequenceFeed.inBlocks(0, 1).withAdapter(tiny.slot("even"))
                    .logits(pass, 7);
            pass.unloadAdapter(gone);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> SequenceFeed.inBlocks(0, 1).withAdapter(gone)
                            .logits(pass, 7))
                    .withMessageContaining("wants the adapter in slot " + gone);
            assertThatIllegalArgumentException().isThrownBy(() -> pass.unloadAdapter(gone));

            int narrow = pass.loadAdapter(tiny.open("narrow"));
            int again = pass.loadAdapter(tiny.open("wide"));

            assertThat(narrow).isGreaterThan(gone);
            assertThat(SequenceFeed.inBlocks(0, 1).withAdapter(narrow).logits(pass, 7))
                    .isEqualTo(SequenceFeed.inBlocks(1, 1).withAdapter(tiny.slot("narrow"))
                            .logits(pass, 7))
                    .isNotEqualTo(wide);
            assertThat(SequenceFeed.inBlocks(0, 1).withAdapter(again).logits(pass, 7))
                    .isEqualTo(wide);
            assertThat(SequenceFeed.inBlocks(0, 1).withAdapter(tiny.slot("even")).logits(pass, 7))
                    .isEqualTo(even);
        }
    }

    @Test
    void adaptersKeepWithinTheMemorySetAsideForThem() {
        try (TinyLora tiny = open(1, TinyLora.ADAPTERS)) {
            List<Integer> more = new ArrayList<>();
            assertThatExceptionOfType(BackendException.class).isThrownBy(() -> {
                for (int i = 0; i < 100; i++) {
                    more.add(tiny.pass().loadAdapter(tiny.open("wide")));
                }
            }).withMessageContaining("wide takes ").withMessageContaining("--lora-memory");
            assertThat(more).isNotEmpty();
            tiny.pass().unloadAdapter(more.getFirst());
            long before = EmulatedDriver.set("memory", 1 << 10);
            try {
                assertThatExceptionOfType(BackendException.class)
                        .isThrownBy(() -> tiny.pass().loadAdapter(tiny.open("wide")))
                        .withMessageContaining("bytes of memory left")
                        .withMessageContaining("for the adapter");
            } finally {
                EmulatedDriver.set("memory", before);
            }
            assertThat(tiny.pass().loadAdapter(tiny.open("wide"))).isGreaterThan(more.getLast());
        }
    }

    /** The first device has taken its share when the second finds no memory, and gives it back. */
    @Test
    void anAdapterThatOneDeviceHasNoMemoryForIsOnNone() throws IOException {
        try (TinyLora tiny = open(2, TinyLora.ADAPTERS)) {
            int slot = tiny.slot("wide");
            float[] wide = SequenceFeed.inBlocks(0, 1).withAdapter(slot).logits(tiny.pass(), 7);
            for (int i = 0; i < 20; i++) {
                EmulatedDriver.fail("allocate", 2, 2);
                assertThatExceptionOfType(BackendException.class)
                        .isThrownBy(() -> tiny.pass().loadAdapter(tiny.open("narrow")))
                        .withMessageContaining("bytes of memory left");
            }
            int narrow = tiny.pass().loadAdapter(tiny.open("narrow"));

            assertThat(SequenceFeed.inBlocks(0, 1).withAdapter(narrow).logits(tiny.pass(), 7))
                    .isEqualTo(SequenceFeed.inBlocks(1, 1).withAdapter(tiny.slot("narrow"))
                            .logits(tiny.pass(), 7));
            assertThat(SequenceFeed.inBlocks(0, 1).withAdapter(slot).logits(tiny.pass(), 7))
                    .isEqualTo(wide);
        }
    }

    /** What is set aside is divided equally, and the largest share fits into its part. */
    @Test
    void whatAnAdapterTakesOfAllDevicesIsForetold() {
        try (TinyLora tiny = open(2, List.of());
                WorkerPool pool = WorkerPool.create(1);
                Model model = Model.open(TinyLora.base());
                LoraAdapter adapter = tiny.open("wide")) {
            ShardedBackend backend = EmulatedBackend.open(pool, 2);
            long bytes = backend.adapterBytes(model.spec(), model.weights(), adapter, 128);
            MemoryBudget budget = new MemoryBudget(1L << 30, 128, 8, 128);
            try (ForwardPass pass = backend.open(model.spec(), model.weights(),
                    budget.withAdapterBytes(bytes))) {
                assertThat(pass.memory().adapterBytes()).isEqualTo(bytes);
                int slot = pass.loadAdapter(tiny.open("wide"));
                assertThatExceptionOfType(BackendException.class)
                        .isThrownBy(() -> pass.loadAdapter(tiny.open("narrow")))
                        .withMessageMatching(".* takes \\d+ bytes of GPU 0, but of the "
                                + bytes / 2 + " set aside there .*");
                pass.unloadAdapter(slot);
            }
            try (ForwardPass pass = backend.open(model.spec(), model.weights(),
                    budget.withAdapterBytes(bytes - 2))) {
                assertThatExceptionOfType(BackendException.class)
                        .isThrownBy(() -> pass.loadAdapter(tiny.open("wide")));
            }
        }
    }
}
