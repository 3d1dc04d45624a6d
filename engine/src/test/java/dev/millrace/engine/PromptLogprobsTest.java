package dev.millrace.engine;

import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.LimitedCache;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** What the model made of a prompt is the same however the prompt came to be computed. */
@Timeout(300)
class PromptLogprobsTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final int LENGTH = 60;
    private static final RandomModel MODEL = RandomModel.plain();
    private static final ReplyOptions WITH_PROMPT = new ReplyOptions(false, false, 3);

    private final WorkerPool workers = WorkerPool.create(2);
    private ForwardPass pass;
    private int[] prompt;
    private RowResult expected;

    @BeforeEach
    void open() {
        pass = new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO).open(MODEL.spec(), MODEL,
                new MemoryBudget(1L << 30, CONTEXT, 8, CONTEXT));
        prompt = new SplittableRandom(3).ints(LENGTH, 0, MODEL.spec().vocabularySize()).toArray();
        expected = SequenceFeed.inBlocks(0, 2).step(pass,
                new TargetLogprobs(Arrays.copyOfRange(prompt, 1, LENGTH), 3), null,
                Arrays.copyOf(prompt, LENGTH - 1));
    }

    @AfterEach
    void close() {
        pass.close();
        workers.close();
    }

    private BatchingEngine start(int sequences, int stepTokens, int blocks) {
        return BatchingEngine.start("prompts",
                new LimitedCache(pass, blocks),
                Vocabulary.idsOnly(MODEL.spec().vocabularySize()),
                new EngineSettings(sequences, stepTokens, CONTEXT, 100, 10_000, true),
                new DeviceLane(), new RecordingObserver());
    }

    private void assertExpected(PromptLogprobs known) {
        for (int i = 1; i < prompt.length; i++) {
            assertThat(known.logprob(i)).as("position %d", i)
                    .isEqualTo(expected.logprobs()[i - 1]);
            assertThat(known.rank(i)).isEqualTo(expected.ranks()[i - 1]);
            assertThat(known.top(i).tokens()).isEqualTo(expected.top().get(i - 1).tokens());
            assertThat(known.top(i).logprobs()).isEqualTo(expected.top().get(i - 1).logprobs());
        }
    }

    @Test
    void chunksAndTheCacheChangeNothing() throws Exception {
        try (BatchingEngine engine = start(2, 7, 100)) {
            Generation plain = engine.submit(Requests.of("plain", prompt, 5));
            Answer without = Answer.of(plain);
            Generation asking = engine.submit(Requests.of("a", prompt, 5).shown(WITH_PROMPT));
            Answer with = Answer.of(asking);
            Generation after = engine.submit(Requests.of("b", prompt, 5));
            Answer again = Answer.of(after);

            assertThat(plain.promptLogprobs()).isNull();
            assertExpected(asking.promptLogprobs());
            assertThat(with.ids()).isEqualTo(without.ids()).isEqualTo(again.ids());
            assertThat(with.finished().usage().cachedTokens()).as("its logits are needed")
                    .isZero();
            assertThat(again.finished().usage().cachedTokens()).isPositive();
        }
    }

    /** One token of the prompt a step, until the older request needs the blocks. */
    @Test
    void beingThrownOutInTheMiddleChangesNothing() throws Exception {
        try (BatchingEngine engine = start(2, 2, 4)) {
            Generation older = engine.submit(Requests.of("older", new int[30], 60));
            Generation asking = engine.submit(Requests.of("a", prompt, 20).shown(WITH_PROMPT));

            assertThat(Answer.of(older).ids()).hasSize(60);
            assertThat(Answer.of(asking).ids()).hasSize(20);
            assertExpected(asking.promptLogprobs());
            assertThat(engine.status().preemptions()).isPositive();
        }
    }

    @Test
    void aPromptOfOneTokenHasNothingToTell() throws Exception {
        try (BatchingEngine engine = start(2, 7, 100)) {
            Generation generation = engine.submit(Requests.of("a", new int[]{5}, 3)
                    .shown(WITH_PROMPT));

            assertThat(Answer.of(generation).ids()).hasSize(3);
            assertThat(generation.promptLogprobs().top(0)).isNull();
        }
    }
}
