package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SequenceRow;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class SchedulerTest {

    private static final int STEP_TOKENS = 8;

    private BlockCache cache;
    private Scheduler scheduler;

    private void schedule(int sequences, int blocks, Sequence... waiting) {
        cache = new BlockCache(ScriptedForwardPass.geometry(4, blocks), STEP_TOKENS, false);
        scheduler = new Scheduler(new EngineSettings(sequences, STEP_TOKENS, 1000, 10, 1000, false),
                cache);
        List.of(waiting).forEach(scheduler::add);
    }

    /** Plans a step and pretends that it ran: who samples gets a token. */
    private StepPlan step() {
        StepPlan plan = scheduler.plan();
        for (Sequence sequence : plan.sequences()) {
            boolean sampled = sequence.reachesEnd();
            scheduler.computed(sequence, sampled);
            if (sampled) {
                sequence.append(7);
            }
        }
        return plan;
    }

    private static List<Integer> tokens(StepPlan plan) {
        return plan.batch().rows().stream().map(row -> row.tokens().length).toList();
    }

    @Test
    void computesALongPromptInChunksAndSamplesAfterTheLast() {
        schedule(4, 100, Sequences.ofLength(0, 18));

        SequenceRow first = step().batch().rows().getFirst();
        SequenceRow second = step().batch().rows().getFirst();
        SequenceRow third = step().batch().rows().getFirst();

        assertThat(first.tokens()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(first.output()).isEqualTo(OutputRequest.NONE);
        assertThat(second.computedTokens()).isEqualTo(8);
        assertThat(third.tokens()).containsExactly(16, 17);
        assertThat(third.output()).isEqualTo(OutputRequest.SAMPLE_LAST);
    }

    @Test
    void decodesFirstAndGivesPromptsWhatIsLeft() {
        Sequence old = Sequences.ofLength(0, 2);
        Sequence prompt = Sequences.ofLength(1, 50);
        schedule(4, 100, old);
        step();
        scheduler.add(prompt);

        StepPlan plan = step();

        assertThat(plan.sequences()).containsExactly(old, prompt);
        assertThat(tokens(plan)).containsExactly(1, 7);
    }

    @Test
    void promptsBesideDecodesAreCutToWhatHoldsThoseUpLittle() {
        schedule(4, 100, Sequences.ofLength(0, 2));
        scheduler.ran(step(), 40); // 20 a token
        scheduler.ran(step(), 60);
        scheduler.add(Sequences.ofLength(1, 50));

        StepPlan beside = step();
        scheduler.remove(beside.sequences().getFirst());

        assertThat(tokens(beside)).containsExactly(1, 4);
        assertThat(tokens(step())).containsExactly(STEP_TOKENS);
    }

    @Test
    void youngerDecodesGoBeforeAnOlderPrompt() {
        Sequence prompt = Sequences.ofLength(0, 50);
        Sequence quick = Sequences.ofLength(1, 1);
        schedule(4, 100, quick);
        step();
        scheduler.add(prompt);
        step();

        assertThat(tokens(step())).containsExactly(7, 1);
    }

    @Test
    void servesPromptsInOrderAndFillsTheStep() {
        schedule(4, 100, Sequences.ofLength(0, 3), Sequences.ofLength(1, 9),
                Sequences.ofLength(2, 3));

        assertThat(tokens(step())).containsExactly(3, 5);
        assertThat(tokens(step())).containsExactly(1, 4, 3);
    }

    @Test
    void runsNoMoreSequencesThanAllowed() {
        schedule(2, 100, Sequences.ofLength(0, 1), Sequences.ofLength(1, 1),
                Sequences.ofLength(2, 1));

        assertThat(step().sequences()).hasSize(2);
        assertThat(step().sequences()).hasSize(2);
        assertThat(scheduler.waiting()).isEqualTo(1);
    }

    @Test
    void namesThoseThatRunForTheFirstTime() {
        Sequence sequence = Sequences.ofLength(0, 1);
        schedule(2, 100, sequence);

        assertThat(step().started()).containsExactly(sequence);
        assertThat(step().started()).isEmpty();
    }

    @Test
    void aLaterShortPromptDoesNotOvertakeALongOneThatMustWait() {
        Sequence running = Sequences.ofLength(0, 4);
        Sequence large = Sequences.ofLength(1, 32);
        schedule(4, 8, running, large, Sequences.ofLength(2, 1));

        assertThat(step().sequences()).containsExactly(running);
        scheduler.remove(running);
        assertThat(step().sequences()).containsExactly(large);
    }

    @Test
    void throwsOutTheYoungestWhenBlocksRunOutAndTakesItBackFirst() {
        Sequence old = Sequences.ofLength(0, 4);
        Sequence young = Sequences.ofLength(1, 7);
        schedule(4, 4, old, young);
        while (scheduler.preemptions() == 0) {
            step();
        }

        assertThat(old.length()).isEqualTo(10);
        assertThat(young.blocks().held(0)).isZero();
        scheduler.add(Sequences.ofLength(2, 1));
        assertThat(step().sequences()).containsExactly(old);
        scheduler.remove(old);
        assertThat(step().sequences().getFirst()).isSameAs(young);
    }

    @Test
    void theYoungestWaitsRatherThanThrowOutItsElders() {
        Sequence old = Sequences.ofLength(0, 2);
        Sequence young = Sequences.ofLength(1, 4);
        schedule(4, 3, old, young);
        step();
        cache.pool(0).take();

        assertThat(step().sequences()).containsExactly(old);
        assertThat(scheduler.preemptions()).isZero();
        assertThat(young.blocks().held(0)).isEqualTo(1);
    }

    private static Sequence urgent(long arrival, int tokens, ServiceTier tier) {
        return Sequences.of(arrival, Sequences.ofLength(arrival, tokens).request()
                .served(new ServiceTerms(tier, 0, Duration.ZERO)));
    }

    @Test
    void aBetterTierTakesThePlaceOfTheLastOfAWorseOne() {
        Sequence first = urgent(0, 2, ServiceTier.FLEX);
        Sequence second = urgent(1, 2, ServiceTier.FLEX);
        Sequence usual = urgent(2, 2, ServiceTier.DEFAULT);
        schedule(2, 100, first, second);
        step();
        scheduler.add(usual);
        scheduler.add(urgent(3, 2, ServiceTier.DEFAULT));

        assertThat(step().sequences()).hasSize(2).contains(usual)
                .doesNotContain(first, second);
        assertThat(scheduler.preemptions()).isEqualTo(2);
        scheduler.remove(usual);
        assertThat(step().sequences()).contains(first);
    }

    @Test
    void nobodyGivesWayToHisOwnTier() {
        Sequence running = urgent(0, 2, ServiceTier.PRIORITY);
        schedule(1, 100, running);
        step();
        scheduler.add(urgent(1, 2, ServiceTier.PRIORITY));

        assertThat(step().sequences()).containsExactly(running);
    }

    @Test
    void runsSequencesOfAFailedStepOneByOne() {
        Sequence one = Sequences.ofLength(0, 3);
        Sequence other = Sequences.ofLength(1, 2);
        schedule(4, 100, one, other);
        StepPlan failed = scheduler.plan();
        failed.sequences().forEach(scheduler::suspect);
        scheduler.add(Sequences.ofLength(2, 1));

        assertThat(step().shares()).containsExactly(new StepShare("r0", 0, 3, 0, 6));
        assertThat(step().shares()).containsExactly(new StepShare("r1", 0, 2, 0, 3));
        assertThat(step().sequences()).hasSize(3);
    }

    @Test
    void aPromptThrowsOutYoungerDecodesForItsNextChunk() {
        Sequence old = Sequences.ofLength(0, 16);
        Sequence young = Sequences.ofLength(1, 1);
        schedule(4, 6, young);
        step();
        scheduler.add(old);
        step();
        while (cache.pool(0).available() > 0) {
            cache.pool(0).take();
        }

        // The old one has one position left in its last block, then none.
        assertThat(tokens(step())).containsExactly(1, 1);
        StepPlan plan = step();

        assertThat(plan.sequences()).containsExactly(old);
        assertThat(tokens(plan)).containsExactly(4);
        assertThat(scheduler.preemptions()).isEqualTo(1);
        assertThat(young.scheduledTokens()).isZero();
    }

    @Test
    void tellsRecomputedTokensFromNewOnes() {
        Sequence old = Sequences.ofLength(0, 4);
        Sequence young = Sequences.ofLength(1, 7);
        schedule(4, 4, old, young);
        while (scheduler.preemptions() == 0) {
            step();
        }
        int length = young.length();
        scheduler.remove(old);

        StepShare first = step().shares().getFirst();
        StepShare second = step().shares().getFirst();

        assertThat(length).isGreaterThan(STEP_TOKENS);
        assertThat(first).isEqualTo(new StepShare("r1", 0, STEP_TOKENS, 0, 36));
        assertThat(second.promptTokens()).isZero();
        assertThat(second.recomputeTokens()).isEqualTo(length - 1 - STEP_TOKENS);
        assertThat(second.decodeTokens()).isEqualTo(1);
    }

    @Test
    void sharesSayWhatWasComputedAndHowMuchItLookedAt() {
        schedule(4, 100, Sequences.ofLength(0, 10));

        assertThat(step().shares()).containsExactly(new StepShare("r0", 8, 0, 0, 36));
        assertThat(step().shares()).containsExactly(new StepShare("r0", 2, 0, 0, 19));
        assertThat(step().shares()).containsExactly(new StepShare("r0", 0, 0, 1, 11));
    }

    @Test
    void removingGivesBackEverythingWhereverTheSequenceIs() {
        Sequence running = Sequences.ofLength(0, 4);
        Sequence waiting = Sequences.ofLength(1, 4);
        schedule(1, 100, running, waiting);
        step();

        scheduler.remove(waiting);
        scheduler.remove(running);

        assertThat(scheduler.isIdle()).isTrue();
        assertThat(cache.usedBlocks()).isZero();
    }
}
