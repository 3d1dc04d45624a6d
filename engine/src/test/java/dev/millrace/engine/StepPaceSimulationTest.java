package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * What the pace of prompts does to gaps between tokens and to throughput, on a device whose steps
 * take what those of a model of a billion 4-bit weights take on two cores, in simulated time.
 */
class StepPaceSimulationTest {

    private static final long STEP_NANOS = 28_000_000;
    private static final long DECODE_NANOS = 1_000_000;
    private static final long PROMPT_NANOS = 4_000_000;
    private static final int STEP_TOKENS = 512;

    private final Scheduler scheduler;
    private final Map<Sequence, Long> lastToken = new HashMap<>();
    private final List<Long> gaps = new ArrayList<>();
    private long now;
    private long arrivals;

    StepPaceSimulationTest() {
        BlockCache cache = new BlockCache(ScriptedForwardPass.geometry(16, 4096), STEP_TOKENS,
                false);
        scheduler = new Scheduler(new EngineSettings(16, STEP_TOKENS, 8192, 64, 100_000, false),
                cache);
    }

    private Sequence submit(int promptTokens, int answerTokens) {
        int[] prompt = new int[promptTokens];
        prompt[0] = (int) arrivals; // nobody's prompt is another's
        Sequence sequence = Sequences.of(arrivals, Requests.of("r" + arrivals++, prompt,
                answerTokens));
        scheduler.add(sequence);
        return sequence;
    }

    /** Runs a step. @return who has said all */
    private List<Sequence> step() {
        StepPlan plan = scheduler.plan();
        long nanos = STEP_NANOS;
        for (int i = 0; i < plan.sequences().size(); i++) {
            nanos += plan.sequences().get(i).decoding()
                    ? DECODE_NANOS
                    : PROMPT_NANOS * plan.batch().rows().get(i).tokens().length;
        }
        scheduler.ran(plan, nanos);
        now += nanos;
        List<Sequence> ended = new ArrayList<>();
        for (Sequence sequence : plan.sequences()) {
            boolean sampled = sequence.reachesEnd();
            scheduler.computed(sequence, sampled);
            if (sampled) {
                sequence.append(7);
                Long before = lastToken.put(sequence, now);
                if (before != null) {
                    gaps.add(now - before);
                }
                if (sequence.full()) {
                    scheduler.remove(sequence);
                    lastToken.remove(sequence);
                    ended.add(sequence);
                }
            }
        }
        return ended;
    }

    /** The 99th of a hundred gaps so far, which are forgotten. */
    private double p99() {
        gaps.sort(null);
        double gap = gaps.get((int) (gaps.size() * 0.99));
        gaps.clear();
        return gap;
    }

    @Test
    void aLongPromptStretchesGapsByLessThanThreeWhoeverElseComes() {
        submit(100, 20); // what steps take is learnt from it
        while (!scheduler.isIdle()) {
            step();
        }
        for (int i = 0; i < 4; i++) {
            submit(20, 4000);
        }
        for (int i = 0; i < 100; i++) {
            step();
        }
        gaps.clear();
        for (int i = 0; i < 300; i++) {
            step();
        }
        double unloaded = p99();
        Sequence one = submit(4096, 10);
        Sequence other = submit(4096, 10);
        while (one.completionTokens() == 0 || other.completionTokens() == 0) {
            step();
        }
        assertThat(p99()).isLessThan(3 * unloaded);
    }

    @Test
    void aShortPromptDoesNotWaitForALongOne() {
        submit(100, 4000);
        for (int i = 0; i < 50; i++) {
            step();
        }
        Sequence book = submit(4096, 10);
        step();
        long began = now;
        Sequence question = submit(60, 10);
        while (question.completionTokens() == 0) {
            step();
        }
        assertThat(now - began).isLessThan(2_000_000_000L);
        assertThat(book.completionTokens()).isZero();
    }

    /** Clients that ask again as soon as they are answered. */
    private double tokensPerSecond(int clients) {
        for (int i = 0; i < clients; i++) {
            submit(128, 48);
        }
        long began = 0;
        int answered = 0;
        while (answered < 200) {
            for (Sequence ended : step()) {
                answered++;
                if (answered == 40) {
                    began = now;
                }
                submit(128, 48);
            }
        }
        return 160 * 48 / ((now - began) * 1e-9);
    }

    @Test
    void manyShortPromptsLoseLittleThroughput() {
        for (int clients : new int[]{8, 16}) {
            StepPaceSimulationTest run = new StepPaceSimulationTest();
            // Were prompts free to go first, all clients would decode together.
            double most = 48.0 * clients / (48 * (STEP_NANOS + clients * DECODE_NANOS) * 1e-9
                    + clients * 128 * PROMPT_NANOS * 1e-9);
            double reached = run.tokensPerSecond(clients);
            assertThat(reached).isGreaterThan(0.95 * most);
            assertThat(run.p99()).isLessThan(4.1 * (STEP_NANOS + clients * DECODE_NANOS));
        }
    }
}
