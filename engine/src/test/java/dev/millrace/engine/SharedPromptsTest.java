package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Choices of one request, which bring the same prompt at the same time. */
class SharedPromptsTest {

    private static final int[] PROMPT = {1, 2, 3, 4, 5, 6, 7};

    private final BlockCache cache = new BlockCache(ScriptedForwardPass.geometry(4, 20), 4, false);
    private final Scheduler scheduler = new Scheduler(
            new EngineSettings(4, 4, 100, 10, 1000, false), cache);

    private static Sequence sequence(int arrival, int[] prompt, String salt) {
        return Sequences.of(arrival, Requests.of("r" + arrival, prompt, 10, "everyone", salt));
    }

    /** Runs one step; what it samples is 9. @return its tokens per request, prompt and all else */
    private List<String> step() {
        StepPlan plan = scheduler.plan();
        for (Sequence sequence : plan.sequences()) {
            boolean samples = sequence.reachesEnd();
            scheduler.computed(sequence, samples);
            if (samples) {
                sequence.append(9);
            }
        }
        return plan.shares().stream().map(SharedPromptsTest::text).toList();
    }

    private static String text(StepShare share) {
        return share.requestId() + ":" + share.promptTokens() + "+" + share.decodeTokens();
    }

    @Test
    void aPromptIsComputedOnceForAllWhoBringItTogether() {
        for (int i = 0; i < 3; i++) {
            scheduler.add(sequence(i, PROMPT, ""));
        }

        assertThat(step()).as("a chunk of the first").containsExactly("r0:4+0");
        assertThat(scheduler.waiting()).isEqualTo(2);
        assertThat(step()).as("the rest").containsExactly("r0:3+0");
        assertThat(step()).as("of the others the last token, to sample what follows")
                .containsExactly("r0:0+1", "r1:1+0", "r2:1+0");
        assertThat(step()).containsExactly("r0:0+1", "r1:0+1", "r2:0+1");
        assertThat(scheduler.waiting()).isZero();
    }

    @Test
    void othersDoNotWaitForThatPrompt() {
        scheduler.add(sequence(0, new int[]{1, 2, 3, 4, 5}, ""));
        scheduler.add(sequence(1, new int[]{1, 2, 3, 4, 5}, ""));
        scheduler.add(sequence(2, new int[]{8}, ""));

        assertThat(step()).containsExactly("r0:4+0");
        assertThat(step()).containsExactly("r0:1+0", "r2:1+0");
    }

    @Test
    void whoHasAnotherSaltComputesItself() {
        scheduler.add(sequence(0, new int[]{1, 2}, "one"));
        scheduler.add(sequence(1, new int[]{1, 2}, "other"));

        assertThat(step()).containsExactly("r0:2+0", "r1:2+0");
    }

    @Test
    void whenTheFirstEndsTheNextLeads() {
        Sequence first = sequence(0, PROMPT, "");
        scheduler.add(first);
        scheduler.add(sequence(1, PROMPT, ""));
        scheduler.add(sequence(2, PROMPT, ""));
        step();

        scheduler.remove(first);

        assertThat(step()).containsExactly("r1:4+0");
        assertThat(step()).containsExactly("r1:3+0");
        assertThat(step()).containsExactly("r1:0+1", "r2:1+0");
    }

    @Test
    void whoIsHeldBackCanLeave() {
        Sequence second = sequence(1, PROMPT, "");
        Sequence first = sequence(0, PROMPT, "");
        scheduler.add(first);
        scheduler.add(second);
        step();

        scheduler.remove(second);

        assertThat(scheduler.waiting()).isZero();
        step();
        assertThat(step()).containsExactly("r0:0+1");
        scheduler.remove(first);
        assertThat(scheduler.isIdle()).isTrue();
        assertThat(cache.usedBlocks()).isZero();
    }

    @Test
    void whoComesLaterBeginsWhereThePromptEnds() {
        scheduler.add(sequence(0, PROMPT, ""));
        step();
        step();
        step();
        Sequence late = sequence(1, PROMPT, "");
        scheduler.add(late);

        assertThat(step()).containsExactly("r0:0+1", "r1:1+0");
        assertThat(late.usage().cachedTokens()).isEqualTo(PROMPT.length - 1);
    }
}
