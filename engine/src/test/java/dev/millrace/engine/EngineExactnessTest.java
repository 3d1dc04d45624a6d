package dev.millrace.engine;

import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.TokenFilters;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/**
 * A request gets the same tokens alone and in a crowd whose prompts are computed in chunks, share
 * their beginning, and are thrown out for want of blocks: the whole engine on real arithmetic.
 */
@Timeout(300)
class EngineExactnessTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final MemoryBudget BUDGET = new MemoryBudget(1L << 30, CONTEXT, 8, CONTEXT);
    private static final int REQUESTS = 10;

    private final WorkerPool workers = WorkerPool.create(2);

    @AfterEach
    void close() {
        workers.close();
    }

    static Stream<RandomModel> models() {
        return Stream.concat(
                Stream.of(RandomModel.plain(), RandomModel.inFormat(QuantFormat.Q8_0)),
                RandomModel.all().stream()
                        .filter(model -> model.spec().slidingWindowTokens() > 0));
    }

    /** A real model that admits to only so many blocks. */
    record SmallCache(ForwardPass model, int blocks) implements ForwardPass {

        @Override
        public CacheGeometry cacheGeometry() {
            CacheGeometry all = model.cacheGeometry();
            return new CacheGeometry(all.blockTokens(), all.groups().stream()
                    .map(group -> new LayerGroup(group.layers(), group.windowTokens(),
                            Math.min(blocks, group.blocks()), 0, group.blockBytes()))
                    .toList());
        }

        @Override
        public DeviceMemory memory() {
            return model.memory();
        }

        @Override
        public StepResult step(StepBatch batch) {
            return model.step(batch);
        }

        @Override
        public void close() {
            model.close();
        }
    }

    /** @param bias of tokens, by which texts become predictable or not */
    private static List<GenerationRequest> requests(int vocabularySize,
            Map<Integer, Float> bias) {
        SplittableRandom random = new SplittableRandom(11);
        int[] beginning = random.ints(33, 0, vocabularySize).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            int[] prompt = Arrays.copyOf(beginning, 34 + random.nextInt(22));
            for (int position = 33; position < prompt.length; position++) {
                prompt[position] = random.nextInt(vocabularySize);
            }
            SamplingParameters sampling = switch (i % 4) {
                case 0, 2 -> new SamplingParameters(0, 0, 1, 0, 0, 1, 0, 0, bias);
                case 1 -> new SamplingParameters(1, 30, 0.95f, 0, i, 1.1f, 0, 0, bias);
                default -> everything(bias, i);
            };
            requests.add(new GenerationRequest("r" + i, prompt, 40, sampling, new int[0],
                    List.of(), true, -1, "", "", -1));
        }
        return requests;
    }

    /** Every filter, penalty and rule at once; runs of tokens are counted across guesses. */
    private static SamplingParameters everything(Map<Integer, Float> bias, int seed) {
        DryPenalty dry = new DryPenalty(0.1f, 1.2f, 1, 40, new SequenceBreakers(
                Map.of(9, new int[][]{{}})));
        return new SamplingParameters(TokenFilters.of(1.2f, 60, 0.98f, 0.001f).typical(0.99f)
                .sigmas(4).excludingTop(0.2f, 0.1f), Penalties.of(1.05f, 0.1f, 0.1f).with(dry),
                new TokenRules(bias, List.of(), List.of(new int[]{5, 5, 7}, new int[]{3}), 5),
                seed);
    }

    @ParameterizedTest
    @MethodSource("models")
    void aRequestsTokensDoNotDependOnItsCompany(RandomModel model) throws Exception {
        CpuBackend backend = new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO);
        Vocabulary vocabulary = Vocabulary.idsOnly(model.spec().vocabularySize());
        List<GenerationRequest> requests = requests(vocabulary.size(), Map.of());
        try (ForwardPass pass = backend.open(model.spec(), model, BUDGET)) {
            List<int[]> alone = new ArrayList<>();
            EngineSettings roomy = new EngineSettings(1, CONTEXT, CONTEXT, 100, 10_000, false);
            try (BatchingEngine engine = start(pass, vocabulary, roomy)) {
                for (GenerationRequest request : requests) {
                    alone.add(Answer.of(engine.submit(request)).ids());
                }
            }

            EngineSettings crowded = new EngineSettings(8, 24, CONTEXT, 100, 10_000, true);
            int reused = 0;
            try (BatchingEngine engine = start(new SmallCache(pass, 7), vocabulary, crowded)) {
                List<Generation> generations = requests.stream().map(engine::submit).toList();
                for (int i = 0; i < REQUESTS; i++) {
                    Answer answer = Answer.of(generations.get(i));
                    assertThat(answer.ids()).as("request %d", i).isEqualTo(alone.get(i));
                    reused += answer.finished().usage().cachedTokens();
                }
                // A window needs so few blocks that nobody is thrown out.
                assertThat(engine.status().preemptions() > 0)
                        .isEqualTo(model.spec().slidingWindowTokens() == 0);
            }
            assertThat(reused).isPositive();
        }
    }

    /** Of two tokens all texts are made, so that guesses are right now and then. */
    @ParameterizedTest
    @MethodSource("models")
    void guessingAheadChangesNoToken(RandomModel model) throws Exception {
        CpuBackend backend = new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO);
        Vocabulary vocabulary = Vocabulary.idsOnly(model.spec().vocabularySize());
        List<GenerationRequest> requests = requests(vocabulary.size(), Map.of(5, 90f, 7, 90f));
        try (ForwardPass pass = backend.open(model.spec(), model, BUDGET)) {
            List<int[]> alone = new ArrayList<>();
            EngineSettings plain = new EngineSettings(1, CONTEXT, CONTEXT, 100, 10_000, false);
            try (BatchingEngine engine = start(pass, vocabulary, plain)) {
                for (GenerationRequest request : requests) {
                    alone.add(Answer.of(engine.submit(request)).ids());
                }
            }
            assertGuessesChangeNothing(new SmallCache(pass, 9), vocabulary, requests, alone);
        }
    }

    private static void assertGuessesChangeNothing(ForwardPass pass, Vocabulary vocabulary,
            List<GenerationRequest> requests, List<int[]> alone) throws Exception {
        int accepted = 0;
        int rejected = 0;
        for (int sequences : new int[]{1, 4}) {
            EngineSettings guessing = new EngineSettings(sequences, CONTEXT, CONTEXT, 100, 10_000,
                    true, new Speculation(5, 12, 0.01));
            try (BatchingEngine engine = start(pass, vocabulary, guessing)) {
                List<Generation> generations = requests.stream().map(engine::submit).toList();
                for (int i = 0; i < REQUESTS; i++) {
                    Answer answer = Answer.of(generations.get(i));
                    assertThat(answer.ids()).as("request %d", i).isEqualTo(alone.get(i));
                    accepted += answer.finished().usage().acceptedDrafts();
                    rejected += answer.finished().usage().rejectedDrafts();
                }
            }
        }
        assertThat(accepted).isPositive();
        assertThat(rejected).isPositive();
    }

    private static BatchingEngine start(ForwardPass pass, Vocabulary vocabulary,
            EngineSettings settings) {
        return BatchingEngine.start("exact", pass, vocabulary, settings, new DeviceLane(),
                new RecordingObserver());
    }
}
