package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.ArchitectureContract;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.quantize.DirectoryQuantizer;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

/** Rows with adapters compute what the model with merged weights computes, whoever is beside. */
class AdapterTest {

    /** Of the largest logit: activations as floats, or rounded to bytes by no kernel of F16. */
    private static final double TOLERANCE = 1e-4;

    private static final List<String> ALL = List.of(TinyLora.NONE, "wide", "narrow", "even");

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector", "native"})
    void computesWhatTransformersComputesWithMergedWeights(String kernels) throws IOException {
        try (TinyLora tiny = new TinyLora(TinyLora.kernels(kernels))) {
            for (String name : ALL) {
                assertGolden(tiny, name);
            }
        }
    }

    /** GGUF has the rows of queries and keys in another order than directories and adapters. */
    @Test
    void aFileOfTheModelTakesTheSameAdapters() throws IOException {
        Path file = folder.resolve("base.gguf");
        try (WorkerPool pool = WorkerPool.create(2);
                Model model = Model.open(TinyLora.folder().resolve("base"));
                FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.WRITE)) {
            new DirectoryQuantizer(model, TinyLora.folder().resolve("base"), "f16", true, null,
                    pool).write(out, bytes -> {});
        }
        try (TinyLora tiny = new TinyLora(TinyLora.kernels("vector"), file, TinyLora.ADAPTERS)) {
            for (String name : ALL) {
                assertGolden(tiny, name);
            }
        }
    }

    private static void assertGolden(TinyLora tiny, String name) throws IOException {
        JsonNode golden = TinyLora.golden().get("adapters").get(name);
        int[] prompt = TinyLora.prompt();
        SequenceFeed feed = SequenceFeed.inBlocks(0, 4).withAdapter(tiny.slot(name));
        float[] logits = feed.step(tiny.pass(), new FullLogits(prompt.length), null, prompt)
                .values();
        int vocabulary = tiny.vocabularySize();
        for (int position = 0; position < prompt.length; position++) {
            assertThat(ArchitectureContract.best(logits, position * vocabulary, vocabulary))
                    .as("%s, best token at %d", name, position)
                    .isEqualTo(golden.get("argmax_per_position").get(position).asInt());
        }
        float[] last = Arrays.copyOfRange(logits, logits.length - vocabulary, logits.length);
        JsonNode expected = golden.get("last_logits");
        double largest = IntStream.range(0, vocabulary)
                .mapToDouble(i -> Math.abs(expected.get(i).asDouble())).max().orElseThrow();
        for (int i = 0; i < vocabulary; i++) {
            assertThat((double) last[i]).as("%s, logit %d", name, i)
                    .isCloseTo(expected.get(i).asDouble(), within(TOLERANCE * largest));
        }
        for (int token : TinyLora.ints(golden.get("greedy_ids"))) {
            assertThat(ArchitectureContract.best(last, 0, vocabulary)).as(name).isEqualTo(token);
            last = feed.logits(tiny.pass(), token);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector", "native"})
    void aRowsBitsDoNotDependOnTheAdaptersBeside(String kernels) throws IOException {
        int[] prompt = TinyLora.prompt();
        List<int[]> prompts = IntStream.range(0, ALL.size())
                .mapToObj(row -> Arrays.copyOf(prompt, 25 - 7 * row)).toList();
        try (TinyLora plain = new TinyLora(TinyLora.kernels(kernels),
                TinyLora.folder().resolve("base"), List.of());
                TinyLora tiny = new TinyLora(TinyLora.kernels(kernels))) {
            List<float[]> alone = new ArrayList<>();
            List<SequenceFeed> feeds = new ArrayList<>();
            for (int row = 0; row < ALL.size(); row++) {
                // The first row has no adapter: alone, on a pass that has never heard of any.
                SequenceFeed feed = SequenceFeed.inBlocks(0, 1)
                        .withAdapter(tiny.slot(ALL.get(row)));
                alone.add(feed.logits(row == 0 ? plain.pass() : tiny.pass(), prompts.get(row)));
                alone.add(feed.logits(row == 0 ? plain.pass() : tiny.pass(), 7));
                feeds.add(SequenceFeed.inBlocks(row, 1).withAdapter(tiny.slot(ALL.get(row))));
            }
            List<RowResult> first = step(tiny.pass(), feeds, prompts::get);
            List<RowResult> second = step(tiny.pass(), feeds, row -> new int[]{7});
            for (int row = 0; row < ALL.size(); row++) {
                assertThat(first.get(row).values()).as(ALL.get(row))
                        .isEqualTo(alone.get(2 * row));
                assertThat(second.get(row).values()).as(ALL.get(row))
                        .isEqualTo(alone.get(2 * row + 1));
            }
            assertThat(alone).doesNotHaveDuplicates();
        }
    }

    private static List<RowResult> step(ForwardPass pass, List<SequenceFeed> feeds,
            IntFunction<int[]> tokens) {
        return SequenceFeed.step(pass, IntStream.range(0, feeds.size())
                .mapToObj(row -> feeds.get(row).row(new FullLogits(1), null, tokens.apply(row)))
                .toArray(SequenceRow[]::new));
    }

    @Test
    void anAdapterThatIsGoneIsRefusedAndItsSlotStaysEmpty() {
        try (TinyLora tiny = new TinyLora(TinyLora.kernels("scalar"))) {
            int slot = tiny.slot("narrow");
            tiny.pass().unloadAdapter(slot);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> SequenceFeed.inBlocks(0, 1).withAdapter(slot)
                            .logits(tiny.pass(), 1))
                    .withMessageContaining("wants the adapter in slot " + slot);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> tiny.pass().unloadAdapter(slot));
            assertThat(tiny.pass().loadAdapter(tiny.open("narrow"))).isGreaterThan(slot);
        }
    }

    @Test
    void adaptersKeepWithinTheMemorySetAsideForThem() {
        try (TinyLora tiny = new TinyLora(TinyLora.kernels("vector"))) {
            List<Integer> more = new ArrayList<>();
            assertThatExceptionOfType(BackendException.class).isThrownBy(() -> {
                for (int i = 0; i < 100; i++) {
                    more.add(tiny.pass().loadAdapter(tiny.open("wide")));
                }
            }).withMessageContaining("wide takes ").withMessageContaining("--lora-memory");
            assertThat(more).isNotEmpty();
            tiny.pass().unloadAdapter(more.getFirst());
            assertThat(tiny.pass().loadAdapter(tiny.open("wide"))).isGreaterThan(more.getLast());
        }
        try (TinyLora none = new TinyLora(TinyLora.kernels("vector"),
                TinyLora.folder().resolve("base"), List.of())) {
            assertThatExceptionOfType(BackendException.class)
                    .isThrownBy(() -> none.pass().loadAdapter(none.open("narrow")))
                    .withMessageContaining("of the 0 set aside");
        }
    }
}
