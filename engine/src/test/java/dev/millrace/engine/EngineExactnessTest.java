package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.LimitedCache;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.forward.DryPenalty;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceBreakers;
import dev.millrace.engine.forward.TokenFilters;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/**
 * The guarantee of the engine, on real arithmetic: a request gets the same tokens with the same log
 * probabilities alone and in a crowd of 16; with its prompt in one piece and in chunks; computed
 * and found in the cache; thrown out for want of blocks and not; guessed ahead and not; with blocks
 * behind a window freed and with all of them kept; and with a prompt that others have computed.
 */
@Timeout(300)
class EngineExactnessTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final int REQUESTS = 16;
    /** Of the last requests, those that have the prompt of the first, as choices of a request. */
    private static final int CHOICES = 3;
    private static final MemoryBudget BUDGET = new MemoryBudget(1L << 30, CONTEXT, REQUESTS,
            CONTEXT);
    private static final EngineSettings ALONE = settings(1, CONTEXT, false, Speculation.OFF);

    private final WorkerPool workers = WorkerPool.create(2);
    /** The device's time, of which drafts seem to take little. */
    private final AtomicLong nanos = new AtomicLong();

    @AfterEach
    void close() {
        workers.close();
    }

    static Stream<RandomModel> models() {
        return Stream.concat(
                Stream.of(RandomModel.plain(), RandomModel.inFormat(QuantFormat.Q8_0)),
                RandomModel.all().stream().filter(model -> List.of("sliding window",
                        "norms around branches, as gemma 3",
                        "sinks and clamped experts, as gpt-oss")
                        .contains(model.toString())));
    }

    private static EngineSettings settings(int sequences, int stepTokens, boolean prefixReuse,
            Speculation speculation) {
        return new EngineSettings(sequences, stepTokens, CONTEXT, 100, 10_000, prefixReuse,
                speculation);
    }

    /**
     * Requests that begin alike, every other one sampled, some long enough to leave windows behind,
     * some of two tokens only, so that guesses are right now and then.
     */
    private static List<GenerationRequest> requests() {
        SplittableRandom random = new SplittableRandom(11);
        int vocabularySize = RandomModel.plain().spec().vocabularySize();
        int[] beginning = random.ints(33, 0, vocabularySize).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            int[] prompt = Arrays.copyOf(beginning, 34 + random.nextInt(22));
            for (int position = 33; position < prompt.length; position++) {
                prompt[position] = random.nextInt(vocabularySize);
            }
            if (i >= REQUESTS - CHOICES) {
                prompt = requests.get(0).prompt();
            }
            Map<Integer, Float> bias = i % 4 == 2 ? Map.of() : Map.of(5, 1000f, 7, 1000f);
            SamplingParameters sampling = switch (i % 4) {
                case 0, 2 -> new SamplingParameters(0, 0, 1, 0, 0, 1, 0, 0, bias);
                case 1 -> new SamplingParameters(1, 30, 0.95f, 0, i, 1.1f, 0, 0, bias);
                default -> everything(bias, i);
            };
            requests.add(new GenerationRequest("r" + i, prompt, i < 10 ? 40 : 12, sampling,
                    new int[0], List.of(), true, 2, "", "", -1));
        }
        return requests;
    }

    /** Every filter, penalty and rule at once; runs of tokens are counted across guesses. */
    private static SamplingParameters everything(Map<Integer, Float> bias, int seed) {
        DryPenalty dry = new DryPenalty(0.1f, 1.2f, 1, 40, new SequenceBreakers(
                Map.of(9, new int[][]{{}})));
        return new SamplingParameters(TokenFilters.of(1.2f, 60, 0.98f, 0.001f).typical(0.99f)
                .sigmas(4).excludingTop(0.2f, 0.1f),
                Penalties.of(1.05f, 0.1f, 0.1f).onLast(9).with(dry),
                new TokenRules(bias, List.of(), List.of(new int[]{5, 5, 7}, new int[]{3}), 5),
                seed);
    }

    /** What can be seen of a generation, to the bit. */
    private record Seen(List<Integer> tokens, List<Float> logprobs, List<int[]> likeliest,
            List<float[]> likeliestLogprobs) {

        static Seen of(Answer answer) {
            return new Seen(answer.tokens().stream().map(Token::token).toList(),
                    answer.tokens().stream().map(Token::logprob).toList(),
                    answer.tokens().stream().map(token -> token.top().tokens()).toList(),
                    answer.tokens().stream().map(token -> token.top().logprobs()).toList());
        }
    }

    /** What a run of all requests was like. */
    private record Run(long preemptions, int reused, int accepted, int rejected) {}

    /** Every request by itself, nothing shared, nothing guessed, nothing freed. */
    private List<Seen> alone(ForwardPass pass, List<GenerationRequest> requests)
            throws InterruptedException {
        List<Seen> alone = new ArrayList<>();
        try (BatchingEngine engine = start(LimitedCache.keepingAll(pass), Optional.empty(),
                ALONE)) {
            for (GenerationRequest request : requests) {
                alone.add(Seen.of(Answer.of(engine.submit(request))));
            }
        }
        return alone;
    }

    /** All requests at once, each of which must give what it gave alone. */
    private Run together(ForwardPass pass, EngineSettings settings,
            List<GenerationRequest> requests, List<Seen> alone) throws InterruptedException {
        return together(pass, Optional.empty(), settings, requests, alone);
    }

    private Run together(ForwardPass pass, Optional<DraftModel> draft, EngineSettings settings,
            List<GenerationRequest> requests, List<Seen> alone) throws InterruptedException {
        int reused = 0;
        int accepted = 0;
        int rejected = 0;
        try (BatchingEngine engine = start(pass, draft, settings)) {
            List<Generation> generations = requests.stream().map(engine::submit).toList();
            for (int i = 0; i < REQUESTS; i++) {
                Answer answer = Answer.of(generations.get(i));
                assertThat(Seen.of(answer)).as("request %d of %s", i, settings)
                        .usingRecursiveComparison().isEqualTo(alone.get(i));
                TokenUsage usage = answer.finished().usage();
                reused += usage.cachedTokens();
                accepted += usage.acceptedDrafts();
                rejected += usage.rejectedDrafts();
            }
            return new Run(engine.status().preemptions(), reused, accepted, rejected);
        }
    }

    private BatchingEngine start(ForwardPass pass, Optional<DraftModel> draft,
            EngineSettings settings) {
        Vocabulary vocabulary = Vocabulary
                .idsOnly(RandomModel.plain().spec().vocabularySize());
        return BatchingEngine.start("exact", pass, vocabulary, settings, draft,
                draft.isEmpty() ? new DeviceLane() : new DeviceLane(nanos::incrementAndGet),
                new RecordingObserver());
    }

    private ForwardPass open(RandomModel model) {
        return new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO).open(model.spec(),
                model, BUDGET);
    }

    @ParameterizedTest
    @MethodSource("models")
    void aRequestGetsTheSameBitsHoweverItIsServed(RandomModel model) throws Exception {
        List<GenerationRequest> requests = requests();
        try (ForwardPass pass = open(model)) {
            List<Seen> alone = alone(pass, requests);

            Run batch = together(pass, settings(REQUESTS, CONTEXT, false, Speculation.OFF),
                    requests, alone);
            int shared = CHOICES * (requests.getFirst().prompt().length - 1);
            assertThat(batch).as("a crowd that computes equal prompts once")
                    .isEqualTo(new Run(0, shared, 0, 0));

            Run crowd = together(new LimitedCache(pass, 7),
                    settings(8, 24, true, Speculation.OFF), requests, alone);
            assertThat(crowd.reused).isPositive();
            // A window needs so few blocks that nobody is thrown out.
            assertThat(crowd.preemptions > 0)
                    .isEqualTo(model.spec().slidingWindowTokens() == 0);

            Run guessing = together(new LimitedCache(pass, 9),
                    settings(4, CONTEXT, true, new Speculation(5, 12, 0.01)), requests, alone);
            assertThat(guessing.accepted).isPositive();
            // Tied embeddings make a token follow itself, and then every guess is right.
            assertThat(guessing.rejected > 0).isEqualTo(!model.spec().tiedEmbeddings());

            // The draft is the same model for one, a stranger with the same tokens for the others.
            try (ForwardPass small = open(RandomModel.plain())) {
                DraftModel draft = new DraftModel(new LimitedCache(small, 9), 40, CONTEXT);
                Run drafting = together(
                        new LimitedCache(pass, 9).onStep(() -> nanos.addAndGet(1000)),
                        Optional.of(draft), settings(4, 48, true, new Speculation(4, 14, 0.01)),
                        requests, alone);
                assertThat(drafting.accepted).isPositive();
                if (!model.toString().equals(RandomModel.plain().toString())) {
                    assertThat(drafting.rejected).isPositive();
                }
            }
        }
    }
}
