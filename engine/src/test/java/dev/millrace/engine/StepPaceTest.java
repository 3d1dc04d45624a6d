package dev.millrace.engine;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class StepPaceTest {

    private final StepPace pace = new StepPace();

    @Test
    void setsNoLimitUntilItKnowsHowLongStepsTake() {
        assertThat(pace.promptTokens()).isEqualTo(Integer.MAX_VALUE);
        pace.ran(0, 50_000_000);
        assertThat(pace.promptTokens()).isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void aStepWithPromptTokensTakesAtMostSoMuchLonger() {
        pace.ran(512, 5_120_000_000L); // a processor: 10 ms a token
        pace.ran(0, 50_000_000);

        double stepNanos = 50_000_000 + pace.promptTokens() * 10_000_000.0;

        assertThat(stepNanos).isBetween(2 * 50_000_000.0, StepPace.MOST_STRETCH * 50_000_000);
    }

    @Test
    void hardlyLimitsADeviceThatComputesPromptsMuchFasterThanItDecodes() {
        pace.ran(0, 6_000_000);
        pace.ran(512, 16_000_000);

        assertThat(pace.promptTokens()).isGreaterThan(400);
    }

    @Test
    void followsADeviceThatGetsSlowerAndRemembersItWhileNoPromptComes() {
        pace.ran(0, 50_000_000);
        pace.ran(10, 60_000_000);
        int fast = pace.promptTokens();
        for (int step = 0; step < 20; step++) {
            pace.ran(10, 150_000_000);
        }
        int slow = pace.promptTokens();
        for (int step = 0; step < 1000; step++) {
            pace.ran(0, 50_000_000);
        }

        assertThat(fast).isEqualTo(75);
        assertThat(slow).isEqualTo(7);
        assertThat(pace.promptTokens()).isEqualTo(slow);
    }

    @Test
    void promptsAlwaysMove() {
        pace.ran(0, 1);
        pace.ran(1, 1_000_000_000);

        assertThat(pace.promptTokens()).isEqualTo(StepPace.LEAST_PROMPT_TOKENS);
    }
}
