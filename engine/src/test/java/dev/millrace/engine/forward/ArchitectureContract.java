package dev.millrace.engine.forward;

import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeScaling;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/**
 * Tiny models of each family compute what transformers computes in float32: logits of a prompt, the
 * best token and the log of the sum of exponentials at each of its positions, and the sixteen
 * tokens that follow. Some are resources of this module; others are in the directory of test data,
 * where there is one. Each model has a folder.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class ArchitectureContract {

    /** Of the largest logit; transformers itself sums in another order. */
    private static final double TOLERANCE = 1e-4;
    private static final int CONTEXT_TOKENS = 128;
    private static final String DATA = "MILLRACE_TEST_DATA";

    private final WorkerPool pool = WorkerPool.create(2);

    /** @param workers borrowed */
    protected abstract Backend backend(WorkerPool workers);

    @AfterAll
    void closePool() {
        pool.close();
    }

    /** The folders of all models. */
    protected static List<Path> models() throws IOException, URISyntaxException {
        List<Path> models = new ArrayList<>(directories(Path.of(
                ArchitectureContract.class.getResource("/architectures").toURI())));
        String data = System.getenv(DATA);
        if (data != null) {
            models.addAll(directories(Path.of(data, "architectures")));
        }
        return models;
    }

    private static List<Path> directories(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(Files::isDirectory).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void computesWhatTransformersComputes(Path directory) {
        JsonNode golden = JsonMapper.shared().readTree(directory.resolve("golden.json"));
        int[] prompt = ints(golden.get("prompt_ids"));
        int[] greedy = ints(golden.get("greedy_ids"));
        try (Model model = Model.open(directory);
                ForwardPass pass = open(asGolden(model), model)) {
            assertForetoldFormats(model);
            int vocabulary = model.spec().vocabularySize();
            SequenceFeed feed = SequenceFeed.inBlocks(0, CONTEXT_TOKENS / 32);
            float[] logits = feed.step(pass, new FullLogits(prompt.length), null, prompt)
                    .values();
            assertPositions(golden, logits, prompt.length, vocabulary);
            float[] last = Arrays.copyOfRange(logits, logits.length - vocabulary,
                    logits.length);
            assertLogits(golden.get("last_logits"), last, TOLERANCE);
            for (int i = 0; i < greedy.length; i++) {
                assertThat(best(last, 0, vocabulary)).as("greedy token %d", i)
                        .isEqualTo(greedy[i]);
                last = feed.logits(pass, greedy[i]);
            }
        }
    }

    private ForwardPass open(ModelSpec spec, Model model) {
        return backend(pool).open(spec, model.weights(),
                new MemoryBudget(1L << 30, CONTEXT_TOKENS, 1, CONTEXT_TOKENS, KvFormat.F32));
    }

    /**
     * The spec that the golden logits are of. Those of the model in bfloat16 were made after the
     * whole model had been cast, rotary frequencies included; neither training nor inference with
     * transformers rounds them, nor do we.
     */
    private static ModelSpec asGolden(Model model) {
        if (!"bfloat16".equals(model.metadata().get("dtype"))) {
            return model.spec();
        }
        return model.spec().withLayers(model.spec().layerSpecs().stream()
                .map(layer -> layer.withRope(rounded(layer.rope()))).toList());
    }

    /** The same embedding with frequencies in bfloat16. */
    private static RopeSpec rounded(RopeSpec rope) {
        List<Float> divisors = new ArrayList<>();
        for (double radians : RotaryFrequencies.of(rope, CONTEXT_TOKENS).radians()) {
            int bits = Float.floatToRawIntBits((float) radians);
            int even = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
            divisors.add((float) (radians / Float.intBitsToFloat(even)));
        }
        return rope.withScaling(new RopeScaling.Divisors(divisors));
    }

    /** The model in bfloat16 as it is, whose golden logits have rounded frequencies. */
    @Test
    @EnabledIfEnvironmentVariable(named = DATA, matches = ".+")
    void frequenciesThatAreNotRoundedChangeNoGreedyToken() {
        Path directory = Path.of(System.getenv(DATA), "architectures", "llama-head-dim-bf16");
        JsonNode golden = JsonMapper.shared().readTree(directory.resolve("golden.json"));
        try (Model model = Model.open(directory); ForwardPass pass = open(model.spec(), model)) {
            SequenceFeed feed = SequenceFeed.inBlocks(0, CONTEXT_TOKENS / 32);
            float[] logits = feed.logits(pass, ints(golden.get("prompt_ids")));
            assertLogits(golden.get("last_logits"), logits, 2e-3);
            for (int token : ints(golden.get("greedy_ids"))) {
                assertThat(best(logits, 0, logits.length)).isEqualTo(token);
                logits = feed.logits(pass, token);
            }
        }
    }

    /** What tells the memory beforehand is what the weights turn out to be. */
    private static void assertForetoldFormats(Model model) {
        ModelSpec spec = model.spec();
        for (WeightRole role : WeightRole.values()) {
            for (int layer = 0; layer < (role.perLayer() ? spec.layers() : 1); layer++) {
                if (role.neededBy(spec, layer)) {
                    int place = role.perLayer() ? layer : Weights.NO_LAYER;
                    int expert = role.perExpert() ? 0 : Weights.NO_EXPERT;
                    assertThat(model.weights().format(role, place, expert)).as("%s", role)
                            .isEqualTo(model.weights().get(role, place, expert).format());
                }
            }
        }
    }

    private static void assertPositions(JsonNode golden, float[] logits, int positions,
            int vocabulary) {
        for (int position = 0; position < positions; position++) {
            int offset = position * vocabulary;
            assertThat(best(logits, offset, vocabulary)).as("best token at %d", position)
                    .isEqualTo(golden.get("argmax_per_position").get(position).asInt());
            double sum = 0;
            for (int i = 0; i < vocabulary; i++) {
                sum += Math.exp(logits[offset + i]);
            }
            assertThat(Math.log(sum)).as("log of the sum at %d", position).isCloseTo(
                    golden.get("logsumexp_per_position").get(position).asDouble(),
                    withinPercentage(100 * TOLERANCE));
        }
    }

    private static void assertLogits(JsonNode expected, float[] logits, double tolerance) {
        assertThat(logits).hasSize(expected.size());
        double largest = IntStream.range(0, logits.length)
                .mapToDouble(i -> Math.abs(expected.get(i).asDouble())).max().orElseThrow();
        for (int i = 0; i < logits.length; i++) {
            assertThat((double) logits[i]).as("logit %d", i)
                    .isCloseTo(expected.get(i).asDouble(), within(tolerance * largest));
        }
    }

    /** The first of the largest. */
    public static int best(float[] logits, int offset, int count) {
        int best = 0;
        for (int i = 1; i < count; i++) {
            if (logits[offset + i] > logits[offset + best]) {
                best = i;
            }
        }
        return best;
    }

    private static int[] ints(JsonNode list) {
        return IntStream.range(0, list.size()).map(i -> list.get(i).asInt()).toArray();
    }
}
