package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

class RequestRulesTest {

    private static RequestRules rules(int contextTokens, int cachePositions) {
        return new RequestRules(100, contextTokens, cachePositions);
    }

    @ParameterizedTest
    @CsvSource({"50, 1000, 10, 5, 15", "50, 1000, 10, 40, 50", "50, 1000, 10, 2147483647, 50",
        "50, 1000, 49, 7, 50", "50, 20, 10, 40, 21", "50, 20, 20, 40, 21",
        "2147483647, 2147483647, 10, 2147483647, 2147483647"})
    void aSequenceEndsWithItsLimitTheContextOrTheCache(int contextTokens, int cachePositions,
            int promptTokens, int maxTokens, int expected) {
        assertThat(rules(contextTokens, cachePositions)
                .tokenLimit(Requests.of("a", new int[promptTokens], maxTokens)))
                .isEqualTo(expected);
    }

    @Test
    void refusesAPromptThatFillsTheContextWithBothCounts() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules(50, 1000).tokenLimit(Requests.of("a", new int[50], 1)))
                .withMessageContainingAll("50 tokens", "context is 50");
    }

    @Test
    void refusesAPromptThatTheCacheCannotHoldWithBothCounts() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> rules(50, 20).tokenLimit(Requests.of("a", new int[21], 1)))
                .withMessageContainingAll("21 tokens", "holds 20");
    }

    @ParameterizedTest
    @CsvSource({"100, 1, 1, 0, prompt", "-1, 1, 1, 0, prompt", "1, 100, 1, 0, stop",
        "1, 1, 100, 0, logit bias", "1, 1, 1, 101, topLogprobs", "1, 1, 1, -2, topLogprobs"})
    void refusesTokensAndCountsOutsideTheVocabulary(int prompt, int stop, int bias,
            int topLogprobs, String blamed) {
        SamplingParameters sampling = new SamplingParameters(0, 0, 1, 0, 0, 1, 0, 0,
                Map.of(bias, 1f));
        GenerationRequest request = new GenerationRequest("a", new int[]{prompt}, 1, sampling,
                new int[]{stop}, List.of(), false, topLogprobs, "", "", -1);

        assertThatIllegalArgumentException().isThrownBy(() -> rules(50, 50).tokenLimit(request))
                .withMessageContaining(blamed);
    }
}
