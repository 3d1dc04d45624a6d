package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.LimitedCache;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** The state after a prompt is the same bits however the prompt came to be computed. */
@Timeout(300)
class PromptStateTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final int LENGTH = 60;
    private static final RandomModel MODEL = RandomModel.plain();

    private final WorkerPool workers = WorkerPool.create(2);
    private final RecordingObserver observer = new RecordingObserver();
    private ForwardPass pass;
    private int[] prompt;
    private float[] expected;

    @BeforeEach
    void open() {
        pass = new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO).open(MODEL.spec(), MODEL,
                new MemoryBudget(1L << 30, CONTEXT, 8, CONTEXT));
        prompt = tokens(LENGTH, 3);
        expected = SequenceFeed.inBlocks(0, 2).step(pass, new PooledHidden(Pooling.LAST), null,
                prompt).values();
    }

    @AfterEach
    void close() {
        pass.close();
        workers.close();
    }

    private static int[] tokens(int count, long seed) {
        return new SplittableRandom(seed).ints(count, 0, MODEL.spec().vocabularySize()).toArray();
    }

    private BatchingEngine start(int sequences, int stepTokens, int blocks) {
        return BatchingEngine.start("states", new LimitedCache(pass, blocks),
                Vocabulary.idsOnly(MODEL.spec().vocabularySize()),
                new EngineSettings(sequences, stepTokens, CONTEXT, 100, 10_000, true),
                new DeviceLane(), observer);
    }

    private static GenerationRequest state(String id, int... tokens) {
        return Requests.of(id, tokens, 1).shown(ReplyOptions.PROMPT_STATE);
    }

    private Answer assertExpected(Generation generation) throws InterruptedException {
        Answer answer = Answer.of(generation);
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.tokens()).isEmpty();
        assertThat(answer.finished().usage().promptTokens()).isEqualTo(LENGTH);
        assertThat(answer.finished().usage().completionTokens()).isZero();
        assertThat(generation.promptState()).isEqualTo(expected);
        return answer;
    }

    @Test
    void chunksAndTheCacheChangeNothing() throws Exception {
        try (BatchingEngine engine = start(2, 7, 100)) {
            Answer first = assertExpected(engine.submit(state("first", prompt)));
            Answer again = assertExpected(engine.submit(state("again", prompt)));
            Generation completion = engine.submit(Requests.of("completion", prompt, 2));
            Answer completed = Answer.of(completion);

            assertThat(first.finished().usage().cachedTokens()).isZero();
            assertThat(again.finished().usage().cachedTokens()).isPositive();
            assertThat(completed.finished().usage().cachedTokens()).isPositive();
            assertThat(completion.promptState()).isNull();
            assertThat(observer.steps().stream().flatMap(step -> step.shares().stream())
                    .filter(share -> share.requestId().equals("first"))
                    .mapToInt(StepShare::promptTokens).sum()).isEqualTo(LENGTH);
        }
    }

    @Test
    void whatRunsBesideItChangesNothing() throws Exception {
        try (BatchingEngine engine = start(8, 32, 100)) {
            List<Generation> beside = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                beside.add(engine.submit(Requests.of("beside-" + i, tokens(5 + i, i), 40)));
            }
            for (Generation one : beside) {
                assertThat(one.next(Duration.ofMinutes(1))).as("it runs").isNotNull();
            }
            Generation state = engine.submit(state("state", prompt));
            Generation other = engine.submit(state("other", tokens(33, 9)));
            assertExpected(state);
            assertThat(Answer.of(other).finished().reason()).isEqualTo(FinishReason.STOP);
            assertThat(other.promptState()).isNotEqualTo(expected);
            for (Generation one : beside) {
                assertThat(Answer.of(one).ids()).hasSize(39);
            }
        }
    }

    /** One token of the prompt a step, until the older request needs the blocks. */
    @Test
    void beingThrownOutInTheMiddleChangesNothing() throws Exception {
        try (BatchingEngine engine = start(2, 2, 4)) {
            Generation older = engine.submit(Requests.of("older", new int[30], 60));
            Generation asking = engine.submit(state("a", prompt));

            assertThat(Answer.of(older).ids()).hasSize(60);
            assertExpected(asking);
            assertThat(engine.status().preemptions()).isPositive();
        }
    }

    @Test
    void aTextMayFillTheContextAndNoMore() throws Exception {
        try (BatchingEngine engine = start(2, 64, 100)) {
            Generation full = engine.submit(state("full", new int[CONTEXT]));
            assertThat(Answer.of(full).finished().reason()).isEqualTo(FinishReason.STOP);
            assertThat(full.promptState()).hasSize(MODEL.spec().embeddingSize());
            assertThatIllegalArgumentException().isThrownBy(
                    () -> engine.submit(state("more", new int[CONTEXT + 1])))
                    .withMessageContaining((CONTEXT + 1) + " tokens")
                    .withMessageContaining("context is " + CONTEXT);
        }
    }

    @Test
    void theLogProbabilitiesOfSuchAPromptAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(
                () -> new ReplyOptions(false, false, 0, true));
    }
}
