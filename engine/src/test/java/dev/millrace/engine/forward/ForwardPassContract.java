package dev.millrace.engine.forward;

import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.KvFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static dev.millrace.engine.forward.SequenceFeed.append;
import static org.assertj.core.api.Assertions.*;

/** What every forward pass must do, whatever it runs on. */
@TestInstance(TestInstance.Lifecycle.PER_METHOD)
public abstract class ForwardPassContract {

    protected static final MemoryBudget BUDGET = new MemoryBudget(1L << 30,
            RandomModel.CONTEXT_TOKENS, 9, 160);
    /** The same with a cache that rounds nothing, for what is compared with the reference. */
    private static final MemoryBudget EXACT = new MemoryBudget(1L << 30,
            RandomModel.CONTEXT_TOKENS, 9, 160, KvFormat.F32);
    /** Blocks of one sequence of full length. */
    private static final int SEQUENCE_BLOCKS = RandomModel.CONTEXT_TOKENS / 32;

    private final RandomModel model = RandomModel.plain();
    private ForwardPass pass;

    /** A backend that opens without warming up. */
    protected abstract Backend backend();

    /** How far a logit may be from the reference, as a share of the largest. */
    protected abstract double tolerance();

    /** A vocabulary of which the buffer for logits holds fewer than 90 positions. */
    protected int manyTokens() {
        return 70_001;
    }

    public static List<RandomModel> models() {
        return RandomModel.all();
    }

    private ForwardPass pass() {
        if (pass == null) {
            pass = open(model);
        }
        return pass;
    }

    private ForwardPass open(RandomModel model) {
        return backend().open(model.spec(), model, BUDGET);
    }

    @AfterEach
    void closePass() {
        if (pass != null) {
            pass.close();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void logitsAgreeWithTheReferenceAtEveryPosition(RandomModel model) {
        int[] tokens = prompt(model, 70);
        double[][] expected = new ReferenceTransformer(model.spec(), model).logits(tokens);

        try (ForwardPass opened = backend().open(model.spec(), model, EXACT)) {
            float[] logits = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS)
                    .step(opened, new FullLogits(tokens.length), null, tokens).values();

            double largest = Arrays.stream(expected).flatMapToDouble(Arrays::stream).map(Math::abs)
                    .max().orElseThrow();
            for (int i = 0; i < logits.length; i++) {
                double wanted = expected[i / model.spec().vocabularySize()][i
                        % model.spec().vocabularySize()];
                assertThat((double) logits[i]).as("logit %d", i)
                        .isCloseTo(wanted, within(tolerance() * largest));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 15, 16, 17, 40})
    void aPromptInChunksGivesTheSameBitsAsInOnePiece(int chunkTokens) {
        int[] tokens = prompt(model, 70);
        float[] whole = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS).logits(pass(), tokens);

        SequenceFeed chunked = SequenceFeed.inBlocks(10, SEQUENCE_BLOCKS);
        float[] logits = null;
        for (int begin = 0; begin < tokens.length; begin += chunkTokens) {
            logits = chunked.logits(pass(), Arrays.copyOfRange(tokens, begin,
                    Math.min(begin + chunkTokens, tokens.length)));
        }

        assertThat(logits).isEqualTo(whole);
    }

    @ParameterizedTest
    @MethodSource("models")
    void decodingGivesTheSameBitsAloneAndAmongEight(RandomModel model) {
        try (ForwardPass opened = open(model)) {
            List<int[]> prompts = IntStream.of(5, 33, 1, 17, 16, 8, 40, 2)
                    .mapToObj(length -> prompt(model, length)).toList();
            int steps = 4;
            List<List<float[]>> together = decodeTogether(opened, prompts, steps);
            for (int row = 1; row < prompts.size(); row += 2) {
                List<float[]> alone = decodeTogether(opened, List.of(prompts.get(row)), steps)
                        .getFirst();
                for (int step = 0; step < steps; step++) {
                    assertThat(alone.get(step)).as("row %d, step %d", row, step)
                            .isEqualTo(together.get(row).get(step));
                }
            }
        }
    }

    /** Greedy decoding of all prompts in the same steps: per prompt, the logits of every step. */
    private static List<List<float[]>> decodeTogether(ForwardPass pass, List<int[]> prompts,
            int steps) {
        List<SequenceFeed> feeds = new ArrayList<>();
        List<List<float[]>> logits = new ArrayList<>();
        List<int[]> next = new ArrayList<>(prompts);
        for (int i = 0; i < prompts.size(); i++) {
            feeds.add(SequenceFeed.inBlocks(i * SEQUENCE_BLOCKS, SEQUENCE_BLOCKS));
            logits.add(new ArrayList<>());
        }
        for (int step = 0; step < steps; step++) {
            SequenceRow[] rows = new SequenceRow[prompts.size()];
            for (int i = 0; i < rows.length; i++) {
                rows[i] = feeds.get(i).row(new FullLogits(1), null, next.get(i));
            }
            List<RowResult> results = SequenceFeed.step(pass, rows);
            for (int i = 0; i < rows.length; i++) {
                float[] row = results.get(i).values();
                logits.get(i).add(row);
                next.set(i, new int[]{argmax(row)});
            }
        }
        return logits;
    }

    @Test
    void aPromptAndADecodeShareAStepWithoutTouchingEachOther() {
        int[] tokens = prompt(model, 30);
        SequenceFeed decoding = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS);
        decoding.logits(pass(), tokens);
        float[] alone = decoding.logits(pass(), 7);
        float[] promptAlone = SequenceFeed.inBlocks(8, SEQUENCE_BLOCKS).logits(pass(), 1, 2, 3);
        decoding.rewind(30);

        List<RowResult> mixed = SequenceFeed.step(pass(),
                SequenceFeed.inBlocks(20, SEQUENCE_BLOCKS).row(new FullLogits(1), null, 1, 2, 3),
                decoding.row(new FullLogits(1), null, 7));

        assertThat(mixed.get(0).values()).isEqualTo(promptAlone);
        assertThat(mixed.get(1).values()).isEqualTo(alone);
    }

    @Test
    void blockIdsDoNotMatter() {
        int[] tokens = prompt(model, 70);
        float[] inOrder = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS).logits(pass(), tokens);

        float[] scattered = SequenceFeed.inBlocks(new int[]{26, 2, 9})
                .logits(pass(), tokens);

        assertThat(scattered).isEqualTo(inOrder);
    }

    @Test
    void aCopiedBlockServesLikeItsOriginal() {
        int[] tokens = prompt(model, 40);
        SequenceFeed original = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS);
        original.logits(pass(), tokens);
        SequenceFeed branch = original.continuedIn(new int[]{0, 24, 25});
        float[] expected = original.logits(pass(), 5, 6);

        BlockOperations copy = new BlockOperations(List.of(), List.of(),
                List.of(new Move(0, 1, 24)), List.of());
        RowResult branched = pass().step(new StepBatch(
                List.of(branch.row(new FullLogits(1), null, 5, 6)), copy)).rows().getFirst();

        assertThat(branched.values()).isEqualTo(expected);
    }

    @Test
    void aStepMayConsistOfBlockOperationsOnly() {
        SequenceFeed fed = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS);
        fed.logits(pass(), prompt(model, 20));
        float[] expected = fed.logits(pass(), 5);
        fed.rewind(20);

        StepResult result = pass().step(new StepBatch(List.of(), new BlockOperations(List.of(),
                List.of(), List.of(new Move(0, 0, 8), new Move(0, 1, 9)),
                List.of(new Move(0, 0, 0)))));

        assertThat(result.rows()).isEmpty();
        assertThat(fed.continuedIn(new int[]{8, 9}).logits(pass(), 5)).isEqualTo(expected);
    }

    @Test
    void aZeroedBlockForgetsWhatItHeld() {
        int[] tokens = prompt(model, 40);
        SequenceFeed fed = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS);
        fed.logits(pass(), tokens);
        float[] remembered = fed.logits(pass(), 5);
        fed.rewind(40);

        BlockOperations zero = new BlockOperations(List.of(), List.of(), List.of(),
                List.of(new Move(0, 1, 1)));
        RowResult forgotten = pass().step(new StepBatch(
                List.of(fed.row(new FullLogits(1), null, 5)), zero)).rows().getFirst();

        assertThat(forgotten.values()).isNotEqualTo(remembered);
    }

    @Test
    void aSlidingWindowNeedsNoBlocksBehindIt() {
        RandomModel windowed = RandomModel.all().stream()
                .filter(candidate -> candidate.spec().slidingWindowTokens() == 21).findFirst()
                .orElseThrow();
        int[] tokens = prompt(windowed, 60);
        try (ForwardPass opened = open(windowed)) {
            SequenceFeed fed = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS);
            fed.logits(opened, tokens);
            // The window of position 60 begins at 40, in the second block.
            float[] forgetful = fed.continuedIn(new int[]{-1, 1, 2}).logits(opened, 9);

            assertThat(forgetful).isEqualTo(fed.logits(opened, 9));
        }
    }

    @Test
    void greedySamplingTakesTheLargestLogit() {
        int[] tokens = prompt(model, 20);
        float[] logits = SequenceFeed.inBlocks(0, 2).logits(pass(), tokens);

        RowResult sampled = SequenceFeed.inBlocks(2, 2).step(pass(), OutputRequest.SAMPLE_LAST,
                SamplingRow.GREEDY, tokens);

        assertThat(sampled.tokens()).containsExactly(argmax(logits));
        assertThat(sampled.poisoned()).isFalse();
        assertThat(sampled.values()).isEmpty();
    }

    @Test
    void masksBiasAndPenaltiesAreObeyed() {
        int[] tokens = prompt(model, 20);
        float[] logits = SequenceFeed.inBlocks(0, 2).logits(pass(), tokens);
        int best = argmax(logits);
        float[] others = logits.clone();
        others[best] = Float.NEGATIVE_INFINITY;
        int second = argmax(others);
        long[] mask = {-1, -1, -1};
        mask[best / 64] &= ~(1L << best);

        assertThat(greedy(tokens, sampling(mask, new int[0], new float[0], 1, new int[0])))
                .as("masked").isEqualTo(second);
        assertThat(greedy(tokens, sampling(null, new int[]{best}, new float[]{-1e9f}, 1,
                new int[0]))).as("biased").isEqualTo(second);
        assertThat(greedy(tokens, sampling(null, new int[0], new float[0], 1e9f,
                new int[]{best}))).as("penalised").isEqualTo(second);
    }

    private int greedy(int[] tokens, SamplingRow sampling) {
        return SequenceFeed.inBlocks(4, 2).step(pass(), OutputRequest.SAMPLE_LAST, sampling, tokens)
                .tokens()[0];
    }

    private static SamplingRow sampling(long[] mask, int[] biasTokens, float[] biasValues,
            float repetitionPenalty, int[] history) {
        return SamplingRow.GREEDY
                .penalised(Penalties.of(repetitionPenalty, 0, 0), history, 0)
                .ruled(LogitRules.biased(biasTokens, biasValues)).masked(mask);
    }

    @Test
    void aDrawDependsOnSeedAndPositionButNotOnTheBatch() {
        SamplingRow sampling = SamplingRow.of(5, 0, 1, 0, 42);
        int[] tokens = prompt(model, 10);
        int alone = SequenceFeed.inBlocks(0, 1).step(pass(), OutputRequest.SAMPLE_LAST, sampling,
                tokens).tokens()[0];

        SequenceRow[] rows = IntStream.range(0, 9).mapToObj(row -> SequenceFeed.inBlocks(row, 1)
                .row(OutputRequest.SAMPLE_LAST, SamplingRow.of(5, 0, 1, 0, 38 + row), tokens))
                .toArray(SequenceRow[]::new);
        List<RowResult> together = SequenceFeed.step(pass(), rows);

        assertThat(together.get(4).tokens()).containsExactly(alone);
        assertThat(together.stream().mapToInt(result -> result.tokens()[0]).distinct().count())
                .as("different seeds draw different tokens").isGreaterThan(3);
    }

    @Test
    void verifyingADraftSamplesWhatOneTokenAtATimeSamples() {
        int[] tokens = prompt(model, 10);
        SamplingRow first = penalised(tokens, tokens.length);
        SequenceFeed slow = SequenceFeed.inBlocks(0, 2);
        int[] drawn = new int[4];
        int[] history = tokens;
        int[] next = tokens;
        for (int i = 0; i < drawn.length; i++) {
            drawn[i] = slow.step(pass(), OutputRequest.SAMPLE_LAST,
                    penalised(history, tokens.length), next).tokens()[0];
            history = append(history, drawn[i]);
            next = new int[]{drawn[i]};
        }

        SequenceFeed fast = SequenceFeed.inBlocks(2, 2);
        int[] drafted = append(append(append(tokens, drawn[0]), drawn[1]), drawn[2]);
        RowResult verified = fast.step(pass(), new Sample(4), first, drafted);

        assertThat(verified.tokens()).isEqualTo(drawn);
    }

    private static SamplingRow penalised(int[] history, int historyPrompt) {
        return SamplingRow.of(2, 0, 1, 0, 7).penalised(Penalties.of(1.3f, 0.5f, 2), history,
                historyPrompt);
    }

    @Test
    void logProbabilitiesAreThoseOfTheLogits() {
        int[] tokens = prompt(model, 20);
        float[] logits = SequenceFeed.inBlocks(0, 2)
                .step(pass(), new FullLogits(3), null, tokens).values();
        int vocabulary = model.spec().vocabularySize();

        RowResult targets = SequenceFeed.inBlocks(2, 2)
                .step(pass(), new TargetLogprobs(new int[]{3, 99, 130}, 4), null, tokens);
        RowResult top = SequenceFeed.inBlocks(4, 2)
                .step(pass(), new TopLogprobs(3, 5), SamplingRow.of(3, 0, 1, 0, 1), tokens);

        for (int i = 0; i < 3; i++) {
            double[] expected = logSoftmax(Arrays.copyOfRange(logits, i * vocabulary,
                    (i + 1) * vocabulary));
            int target = new int[]{3, 99, 130}[i];
            assertThat((double) targets.logprobs()[i]).isCloseTo(expected[target], within(1e-5));
            assertThat((double) top.logprobs()[i])
                    .isCloseTo(expected[top.tokens()[i]], within(1e-5));
            int[] likeliest = IntStream.range(0, vocabulary).boxed()
                    .sorted((a, b) -> Double.compare(expected[b], expected[a])).limit(5)
                    .mapToInt(Integer::intValue).toArray();
            assertThat(top.top().get(i).tokens()).isEqualTo(likeliest);
            assertThat(targets.top().get(i).tokens()).isEqualTo(Arrays.copyOf(likeliest, 4));
            assertThat(targets.ranks()[i]).isEqualTo(1 + (int) Arrays.stream(expected)
                    .filter(other -> other > expected[target]).count());
            assertThat((double) top.top().get(i).logprobs()[4])
                    .isCloseTo(expected[likeliest[4]], within(1e-5));
        }
    }

    @Test
    void pooledStatesAgreeWithTheReference() {
        int[] tokens = prompt(model, 20);
        int width = model.spec().embeddingSize();
        double[] states = new ReferenceTransformer(model.spec(), model).normedStates(tokens);
        double bound = Math.clamp(tolerance(), 1e-3, 3e-3);

        pass = backend().open(model.spec(), model, EXACT);
        float[] last = SequenceFeed.inBlocks(0, 2)
                .step(pass, new PooledHidden(Pooling.LAST), null, tokens).values();
        float[] mean = SequenceFeed.inBlocks(2, 2)
                .step(pass, new PooledHidden(Pooling.MEAN), null, tokens).values();

        for (int i : IntStream.range(0, width).toArray()) {
            double sum = IntStream.range(0, tokens.length)
                    .mapToDouble(token -> states[token * width + i]).sum();
            assertThat((double) last[i]).isCloseTo(states[19 * width + i],
                    within(bound));
            assertThat((double) mean[i]).isCloseTo(sum / tokens.length, within(bound));
        }
    }

    @Test
    void aRowThatAsksForNothingGetsNothingButFillsTheCache() {
        int[] tokens = prompt(model, 20);
        float[] expected = SequenceFeed.inBlocks(0, 2).logits(pass(), append(tokens, 4));

        SequenceFeed fed = SequenceFeed.inBlocks(2, 2);
        RowResult nothing = fed.step(pass(), OutputRequest.NONE, null, tokens);

        assertThat(nothing.tokens()).isEmpty();
        assertThat(nothing.values()).isEmpty();
        assertThat(fed.logits(pass(), 4)).isEqualTo(expected);
    }

    @Test
    void aPoisonedRowSpoilsNoOther() {
        RandomModel poisoned = model.withPoisonedToken(5);
        try (ForwardPass opened = open(poisoned)) {
            float[] expected = SequenceFeed.inBlocks(0, 1).logits(opened, 1, 2, 3);
            List<RowResult> results = SequenceFeed.step(opened,
                    SequenceFeed.inBlocks(1, 1).row(OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY,
                            4, 5, 6),
                    SequenceFeed.inBlocks(2, 1).row(new FullLogits(1), null, 1, 2, 3),
                    SequenceFeed.inBlocks(3, 1).row(new TopLogprobs(1, 2), SamplingRow.GREEDY, 5),
                    SequenceFeed.inBlocks(4, 1).row(new PooledHidden(Pooling.MEAN), null, 5));

            assertThat(results.stream().map(RowResult::poisoned))
                    .containsExactly(true, false, true, true);
            assertThat(results.get(1).values()).isEqualTo(expected);
        }
    }

    @Test
    void aMaskThatForbidsEverythingPoisonsTheRow() {
        RowResult result = SequenceFeed.inBlocks(0, 1).step(pass(), OutputRequest.SAMPLE_LAST,
                sampling(new long[3], new int[0], new float[0], 1, new int[0]), 1, 2);

        assertThat(result.poisoned()).isTrue();
    }

    @Test
    void logitsOfMorePositionsThanTheBufferHoldsComeInOrder() {
        RandomModel wordy = RandomModel.withVocabulary(manyTokens());
        int[] tokens = prompt(wordy, 90);
        try (ForwardPass opened = open(wordy)) {
            int[] together = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS)
                    .step(opened, new Sample(90), SamplingRow.GREEDY, tokens).tokens();
            SequenceFeed slow = SequenceFeed.inBlocks(8, SEQUENCE_BLOCKS);
            int[] oneByOne = Arrays.stream(tokens).map(token -> slow.step(opened,
                    OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY, token).tokens()[0]).toArray();

            assertThat(together).isEqualTo(oneByOne);
            assertThat(Arrays.stream(together).distinct().count()).isGreaterThan(30);
        }
    }

    @Test
    void aRefusedBatchHasChangedNothing() {
        SequenceFeed fed = SequenceFeed.inBlocks(0, SEQUENCE_BLOCKS);
        fed.logits(pass(), prompt(model, 20));
        float[] expected = fed.logits(pass(), 5);
        fed.rewind(20);
        SequenceRow good = fed.row(new FullLogits(1), null, 9);
        SequenceRow bad = SequenceFeed.inBlocks(8, 1).row(OutputRequest.NONE, null,
                model.spec().vocabularySize());
        BlockOperations zero = new BlockOperations(List.of(), List.of(), List.of(),
                List.of(new Move(0, 0, 0), new Move(0, 1, 1)));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> pass().step(new StepBatch(List.of(good, bad), zero)))
                .withMessage("row 1, token 0 is 131; the vocabulary has ids 0 to 130");

        fed.rewind(20);
        assertThat(fed.logits(pass(), 5)).isEqualTo(expected);
    }

    @Test
    void theCacheHoldsEverySequenceWithinTheBudget() {
        CacheGeometry geometry = pass().cacheGeometry();

        assertThat(geometry.blockTokens()).isEqualTo(32);
        assertThat(geometry.groups()).hasSize(1);
        assertThat(geometry.groups().getFirst().blocks())
                .isGreaterThanOrEqualTo(BUDGET.sequences() * SEQUENCE_BLOCKS);
        assertThat(pass().memory().totalBytes()).isLessThanOrEqualTo(BUDGET.totalBytes());
        assertThat(pass().memory().cacheBytes()).isEqualTo(geometry.totalBytes());
    }

    static double[] logSoftmax(float[] logits) {
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        double[] logprobs = new double[logits.length];
        for (int i = 0; i < logits.length; i++) {
            logprobs[i] = logits[i] - Math.log(sum);
        }
        return logprobs;
    }

    static int argmax(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    static int[] prompt(RandomModel model, int length) {
        return new Random(length).ints(length, 0, model.spec().vocabularySize()).toArray();
    }
}
