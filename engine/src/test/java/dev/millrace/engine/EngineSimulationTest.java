package dev.millrace.engine;

import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/**
 * Random workloads on small random engines, run without threads or time. {@link SimulatedEngine}
 * holds the invariants; a seed that breaks one is named in the failure.
 */
class EngineSimulationTest {

    private static final int WORKLOADS = 500;

    /** Thousands of injected failures need not be read. Loggers are weakly held, hence a field. */
    private static final Logger LOG = Logger.getLogger(EngineLoop.class.getName());

    @BeforeAll
    static void beQuiet() {
        LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void speakAgain() {
        LOG.setLevel(null);
    }

    @ParameterizedTest
    @ValueSource(longs = {1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000, 6_000_000})
    void everyRequestGetsItsOwnTokensAndTheBooksBalance(long firstSeed) {
        long preemptions = 0;
        long reusedTokens = 0;
        long copiedBlocks = 0;
        long failures = 0;
        long deadlines = 0;
        long draftSteps = 0;
        long acceptedDrafts = 0;
        long rejectedDrafts = 0;
        for (long seed = firstSeed; seed < firstSeed + WORKLOADS; seed++) {
            SimulatedEngine engine = new SimulatedEngine(seed);
            try {
                engine.run();
            } catch (RuntimeException | AssertionError broken) {
                throw new AssertionError("seed " + seed + " on " + engine, broken);
            }
            preemptions += engine.preemptions();
            reusedTokens += engine.reusedTokens();
            copiedBlocks += engine.copiedBlocks();
            failures += engine.failures();
            deadlines += engine.deadlines();
            draftSteps += engine.draftSteps();
            acceptedDrafts += engine.acceptedDrafts();
            rejectedDrafts += engine.rejectedDrafts();
        }

        // What never happens is not tested.
        assertThat(preemptions).isGreaterThan(WORKLOADS / 2);
        assertThat(reusedTokens).isGreaterThan(10 * WORKLOADS);
        assertThat(copiedBlocks).isGreaterThan(WORKLOADS / 4);
        assertThat(failures).isGreaterThan(WORKLOADS / 10);
        assertThat(deadlines).isGreaterThan(WORKLOADS / 10);
        assertThat(draftSteps).isGreaterThan(WORKLOADS);
        assertThat(acceptedDrafts).isGreaterThan(WORKLOADS);
        assertThat(rejectedDrafts).isGreaterThan(WORKLOADS);
    }
}
