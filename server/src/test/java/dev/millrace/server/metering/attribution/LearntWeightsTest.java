package dev.millrace.server.metering.attribution;

import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.server.metering.attribution.LearntWeights.InForce;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class LearntWeightsTest {

    /** A model on a machine, in nanoseconds: nothing like what is expected. */
    private static final StepWeights TRUTH = new StepWeights(2_000_000, 600_000, 900_000, 1_500,
            300, 0.02, 0.01);

    private final Random random = new Random(7);

    @Test
    void mixedStepsTellWhatTheirPartsTake() {
        LearntWeights learnt = fresh();
        for (int i = 0; i < 256; i++) {
            learnt.ran(step(mixed(), 1));
        }
        StepWeights weights = learnt.weights();
        assertThat(weights.fixedNanos()).isCloseTo(TRUTH.fixedNanos(), withinPercentage(2));
        assertThat(weights.sequenceNanos()).isCloseTo(TRUTH.sequenceNanos(), withinPercentage(5));
        assertThat(weights.tokenNanos()).isCloseTo(TRUTH.tokenNanos(), withinPercentage(2));
        assertThat(weights.cacheNanos()).isCloseTo(TRUTH.cacheNanos(), withinPercentage(10));
        assertThat(weights.contextNanos()).isCloseTo(TRUTH.contextNanos(), withinPercentage(20));
        assertThat(misplaced(weights)).isLessThan(0.002);
    }

    /** Times of a busy machine: off by a tenth, and every tenth step held up for good. */
    @Test
    void noiseAndStrayStepsMoveLittle() {
        LearntWeights learnt = fresh();
        double before = misplaced(learnt.weights());
        for (int i = 0; i < 512; i++) {
            double noise = 1 + 0.1 * random.nextGaussian();
            learnt.ran(step(mixed(), Math.max(0.5, noise) * (i % 10 == 9 ? 4 : 1)));
        }
        assertThat(before).isGreaterThan(0.04);
        assertThat(misplaced(learnt.weights())).isLessThan(0.02);
    }

    @Test
    void whatAdaptersTakeIsLearntFromStepsThatUseThem() {
        LearntWeights learnt = fresh();
        for (int i = 0; i < 1_024; i++) {
            List<StepShare> shares = mixed();
            int adapted = random.nextInt(shares.size() + 1);
            for (int s = 0; s < adapted; s++) {
                StepShare share = shares.get(s);
                int slot = random.nextInt(2);
                shares.set(s, new StepShare(share.requestId(), share.promptTokens(), 0,
                        share.decodeTokens(), 0, 0, share.contextTokens(), slot,
                        slot == 0 ? 20_000_000 : 80_000_000));
            }
            learnt.ran(step(shares, 1));
        }
        assertThat(learnt.weights().adapterReadNanos()).isCloseTo(TRUTH.adapterReadNanos(),
                withinPercentage(15));
        assertThat(learnt.weights().adapterTokenNanos()).isCloseTo(TRUTH.adapterTokenNanos(),
                withinPercentage(5));
    }

    /** Steps that are all alike say nothing of what others take: the proportions stay. */
    @Test
    void stepsThatAreAllAlikeChangeNothing() {
        LearntWeights learnt = fresh();
        StepWeights first = learnt.weights();
        List<StepShare> alike = List.of(new StepShare("a", 0, 0, 1, 100));
        for (int i = 0; i < 4_096; i++) {
            learnt.ran(new StepRecord(16_000_000, alike));
        }
        assertThat(learnt.weights().tokenNanos() / learnt.weights().fixedNanos())
                .isCloseTo(first.tokenNanos() / first.fixedNanos(), withinPercentage(10));
    }

    /** Only decoding for long does not make it forget what prompts take. */
    @Test
    void whatIsNotSeenAnyMoreIsNotForgotten() {
        LearntWeights learnt = fresh();
        for (int i = 0; i < 512; i++) {
            learnt.ran(step(mixed(), 1));
        }
        for (int i = 0; i < 40_000; i++) {
            learnt.ran(step(decoding(), 1 + 0.05 * random.nextGaussian()));
        }
        assertThat(misplaced(learnt.weights())).isLessThan(0.03);
    }

    @Test
    void stepsThatTookNoTimeOrHadNobodyAreNoLesson() {
        LearntWeights learnt = fresh();
        StepWeights first = learnt.weights();
        for (int i = 0; i < 64; i++) {
            learnt.ran(new StepRecord(0, List.of(new StepShare("a", 1, 0, 0, 1))));
            learnt.ran(new StepRecord(1_000, List.of()));
        }
        assertThat(learnt.weights()).isEqualTo(first);
    }

    @Test
    void theSameStepsGiveTheSameWeights() {
        List<StepRecord> steps = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            steps.add(step(mixed(), 1 + 0.2 * random.nextGaussian()));
        }
        LearntWeights one = fresh();
        LearntWeights other = fresh();
        steps.forEach(one::ran);
        steps.forEach(other::ran);
        assertThat(one.unsaved()).isEqualTo(other.unsaved());
    }

    /** Rows for the ledger are few, and none is lost while it cannot be written. */
    @Test
    void revisionsAreFewAndWaitForTheLedger() {
        LearntWeights learnt = fresh();
        for (int i = 0; i < 20_000; i++) {
            learnt.ran(step(mixed(), 1));
        }
        List<InForce> unsaved = learnt.unsaved();
        assertThat(unsaved).hasSizeBetween(2, 20);
        assertThat(unsaved.getFirst().revision()).isZero();
        assertThat(unsaved.getLast().weights()).isEqualTo(learnt.weights());
        unsaved.subList(0, unsaved.size() - 1).forEach(learnt::saved);
        assertThat(learnt.unsaved()).containsExactly(unsaved.getLast());
    }

    private static LearntWeights fresh() {
        return new LearntWeights("tiny", "abacus", false, StepWeights.DEFAULT, false);
    }

    /** How much of typical steps goes to the wrong sequences, on average. */
    private double misplaced(StepWeights weights) {
        double sum = 0;
        for (int i = 0; i < 50; i++) {
            List<StepShare> shares = mixed();
            double[] right = portions(TRUTH, shares);
            double[] given = portions(weights, shares);
            for (int s = 0; s < right.length; s++) {
                sum += Math.abs(right[s] - given[s]) / 2 / 50;
            }
        }
        return sum;
    }

    private static double[] portions(StepWeights weights, List<StepShare> shares) {
        double[] portions = new double[shares.size()];
        weights.weigh(shares, portions);
        double sum = Arrays.stream(portions).sum();
        return Arrays.stream(portions).map(portion -> portion / sum).toArray();
    }

    private static StepRecord step(List<StepShare> shares, double noise) {
        double[] weights = new double[shares.size()];
        TRUTH.weigh(shares, weights);
        return new StepRecord(Math.round(Arrays.stream(weights).sum() * noise), shares);
    }

    private List<StepShare> mixed() {
        List<StepShare> shares = decoding();
        if (random.nextInt(3) == 0) {
            int tokens = 1 + random.nextInt(64);
            long depth = random.nextInt(500);
            shares.add(new StepShare("p", tokens, 0, 0,
                    tokens * depth + tokens * (tokens + 1L) / 2));
        }
        return shares;
    }

    private List<StepShare> decoding() {
        List<StepShare> shares = new ArrayList<>();
        int sequences = 1 + random.nextInt(8);
        for (int i = 0; i < sequences; i++) {
            shares.add(new StepShare("d" + i, 0, 0, 1, 1 + random.nextInt(1_500)));
        }
        return shares;
    }
}
