package dev.millrace.engine;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.GbnfParser;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.RegexParser;
import dev.millrace.engine.constrain.TokenConstraint;
import dev.millrace.engine.constrain.TokenTrie;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.LimitedCache;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** Completions under constraints, through the whole engine on real arithmetic. */
@Timeout(600)
class ConstrainedEngineTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final Vocabulary VOCABULARY = Vocabulary.of(new FakeTokenizer(),
            FakeTokenizer.VOCABULARY_SIZE);
    private static final TokenTrie TRIE = new TokenTrie(VOCABULARY);
    private static final TokenConstraint LISTS = TokenConstraint.compile(GbnfParser.parse("""
            root ::= "[" (item ","){50} "]"
            list ::= "[" (item ("," item)*)? "]"
            item ::= list | "\\"" [^"]* "\\"" | [0-9]+
            """), TRIE);

    private static WorkerPool workers;
    private static ForwardPass pass;

    @BeforeAll
    static void open() {
        workers = WorkerPool.create(2);
        RandomModel model = RandomModel.withVocabulary(FakeTokenizer.VOCABULARY_SIZE);
        pass = new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO).open(model.spec(),
                model, new MemoryBudget(1L << 30, CONTEXT, 8, CONTEXT));
    }

    @AfterAll
    static void close() {
        pass.close();
        workers.close();
    }

    private static BatchingEngine start(ForwardPass model, EngineSettings settings) {
        return BatchingEngine.start("constrained", model, VOCABULARY, settings, new DeviceLane(),
                new RecordingObserver());
    }

    private static EngineSettings roomy() {
        return new EngineSettings(1, CONTEXT, CONTEXT, 100, 10_000, false);
    }

    private static TokenConstraint matching(String regex) {
        return TokenConstraint.compile(Grammar.of(RegexParser.whole(regex)), TRIE);
    }

    private static GenerationRequest sampled(GenerationRequest request, long seed,
            boolean ignoreEnd) {
        return new GenerationRequest(request.id(), request.prompt(), request.maxTokens(),
                new SamplingParameters(1.5f, 0, 1, 0, seed, 1.1f, 0.1f, 0, Map.of()), new int[0],
                request.stopSequences(), ignoreEnd, -1, "", "", -1);
    }

    private static Answer answer(GenerationRequest request) throws InterruptedException {
        try (BatchingEngine engine = start(pass, roomy())) {
            return Answer.of(engine.submit(request));
        }
    }

    @Test
    void theTextMatchesAndEndsWhereNothingCanFollow() throws Exception {
        for (int seed = 0; seed < 10; seed++) {
            GenerationRequest request = sampled(Requests.of("a", "hello", 60), seed, seed % 2 == 0);
            Answer answer = answer(request.constrained(matching("[a-c]{2,8}(é|中)\\d\\d")));

            assertThat(answer.text()).matches("[a-c]{2,8}(é|中)\\d\\d");
            assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
            // It ends with its last byte: no step is spent on a token that ends the text.
            assertThat(answer.finished().usage().completionTokens())
                    .isEqualTo(answer.tokens().size());
        }
    }

    @Test
    void greedyCompletionsAreConstrainedToo() throws Exception {
        Answer answer = answer(Requests.of("a", "hello", 60).constrained(matching("(yes|no)!")));

        assertThat(answer.text()).isIn("yes!", "no!");
    }

    /** Guesses are drawn under the masks of their places, so none is wasted on what cannot be. */
    @Test
    void aDraftModelGuessesUnderTheConstraint() throws Exception {
        GenerationRequest request = sampled(Requests.of("a", "hello", 200), 5, false)
                .constrained(matching("([a-f]{3}[0-9]){40}"));
        AtomicLong nanos = new AtomicLong();
        NextToken letters = NextToken.letters();
        EngineSettings settings = new EngineSettings(1, 512, 512, 10, 1000, false,
                new Speculation(4, 8, 0.05));
        List<Answer> answers = new ArrayList<>();
        for (Optional<DraftModel> draft : List.of(Optional.<DraftModel>empty(), Optional.of(
                new DraftModel(new ScriptedForwardPass(letters).draws(0.5f), 512, 512)))) {
            ScriptedForwardPass large = new ScriptedForwardPass(letters).draws(0.5f)
                    .failWhen(batch -> nanos.addAndGet(1000) < 0);
            try (BatchingEngine engine = BatchingEngine.start("constrained",
                    large, VOCABULARY, settings, draft, new DeviceLane(nanos::get),
                    new RecordingObserver())) {
                answers.add(Answer.of(engine.submit(request)));
            }
        }
        assertThat(answers.get(1).text()).matches("([a-f]{3}[0-9]){40}");
        assertThat(answers.get(1).ids()).isEqualTo(answers.get(0).ids());
        TokenUsage usage = answers.get(1).finished().usage();
        assertThat(usage.acceptedDrafts()).isGreaterThan(80);
        assertThat(usage.rejectedDrafts()).isLessThan(5);
    }

    @Test
    void theTokenLimitCutsAText() throws Exception {
        Answer answer = answer(Requests.of("a", "hello", 5).constrained(matching("x{9}")));

        assertThat(answer.text()).isEqualTo("xxxxx");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void aStopSequenceCutsAText() throws Exception {
        GenerationRequest request = Requests.stoppingAt(Requests.of("a", "hello", 30), "34");
        Answer answer = answer(request.constrained(matching("123456789")));

        assertThat(answer.text()).isEqualTo("12");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void aConstrainedRequestsTokensDoNotDependOnItsCompany() throws Exception {
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            String prompt = i > 4 ? "the same beginning for all of them" + i : "short" + i;
            GenerationRequest request = sampled(Requests.of("r" + i, prompt, 80), i, true);
            requests.add(i % 4 == 3 ? request : request.constrained(LISTS));
        }
        List<int[]> alone = new ArrayList<>();
        try (BatchingEngine engine = start(pass, roomy())) {
            for (GenerationRequest request : requests) {
                alone.add(Answer.of(engine.submit(request)).ids());
            }
        }
        EngineSettings crowded = new EngineSettings(8, 24, CONTEXT, 100, 10_000, true);
        int reused = 0;
        try (BatchingEngine engine = start(new LimitedCache(pass, 6), crowded)) {
            List<Generation> generations = requests.stream().map(engine::submit).toList();
            for (int i = 0; i < requests.size(); i++) {
                Answer answer = Answer.of(generations.get(i));
                assertThat(answer.ids()).as("request %d", i).isEqualTo(alone.get(i));
                reused += answer.finished().usage().cachedTokens();
            }
            assertThat(engine.status().preemptions()).isPositive();
        }
        assertThat(reused).isPositive();
        int accepted = 0;
        EngineSettings guessing = new EngineSettings(4, CONTEXT, CONTEXT, 100, 10_000, true,
                new Speculation(6, 16, 0.01));
        try (BatchingEngine engine = start(pass, guessing)) {
            List<Generation> generations = requests.stream().map(engine::submit).toList();
            for (int i = 0; i < requests.size(); i++) {
                Answer answer = Answer.of(generations.get(i));
                assertThat(answer.ids()).as("request %d", i).isEqualTo(alone.get(i));
                accepted += answer.finished().usage().acceptedDrafts();
            }
        }
        assertThat(accepted).isPositive();
    }

    @Test
    void aBackendThatIgnoresTheMaskFailsThatRequestAlone() throws Exception {
        ScriptedForwardPass scripted = new ScriptedForwardPass(NextToken.letters());
        try (BatchingEngine engine = start(scripted,
                new EngineSettings(4, 64, 200, 100, 10_000, true))) {
            Generation constrained = engine.submit(Requests.of("a", "hello", 60)
                    .constrained(matching("\\d+")));
            Generation free = engine.submit(Requests.of("b", "hello", 20));

            Answer failed = Answer.of(constrained);
            assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
            assertThat(failed.finished().error()).contains("not allowed");
            assertThat(Answer.of(free).finished().reason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void aConstraintForAnotherVocabularyIsRefused() {
        TokenConstraint foreign = TokenConstraint.compile(Grammar.of(Expression.text("a")),
                new TokenTrie(Vocabulary.of(new FakeTokenizer(), 300)));
        try (BatchingEngine engine = start(pass, roomy())) {
            assertThatThrownBy(() -> engine.submit(Requests.of("a", "hello", 5)
                    .constrained(foreign))).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("vocabulary of 300");
        }
    }
}
