package dev.millrace.engine;

import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.forward.Penalties;
import dev.millrace.engine.forward.SamplingRow;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.TokenFilters;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class SamplingSettingsTest {

    private static SamplingSettings with(float repetitionPenalty) {
        return of(Requests.of("r", new int[]{1}, 5).sampled(new SamplingParameters(1, 40, 0.9f,
                0.1f, 7, repetitionPenalty, 0, 0, Map.of(5, -1f, 3, 2f))));
    }

    private static SamplingSettings of(GenerationRequest request) {
        return new SamplingSettings(request, Vocabulary.of(new FakeTokenizer(), 300),
                SamplingSettings.NO_MASKS);
    }

    @Test
    void carriesEverySettingAndTheBiasInOrder() {
        SamplingRow row = with(1).row(new int[]{1, 2, 3}, 3, 2);

        assertThat(row.filters().temperature()).isEqualTo(1);
        assertThat(row.filters().topK()).isEqualTo(40);
        assertThat(row.filters().topP()).isEqualTo(0.9f);
        assertThat(row.filters().minP()).isEqualTo(0.1f);
        assertThat(row.seed()).isEqualTo(7);
        assertThat(row.rules().biasTokens()).containsExactly(3, 5);
        assertThat(row.rules().biasValues()).containsExactly(2f, -1f);
    }

    @Test
    void penaltiesSeeTheWholeHistoryAndNoMore() {
        int[] tokens = {1, 2, 3, 0, 0};
        SamplingRow row = with(1.1f).row(tokens, 3, 2);

        assertThat(row.history()).isSameAs(tokens);
        assertThat(row.historyTokens()).isEqualTo(3);
        assertThat(row.historyPrompt()).isEqualTo(2);
    }

    @Test
    void rulesBecomeMasksAndEndTokens() {
        GenerationRequest request = new GenerationRequest("r", new int[]{1}, 9,
                new SamplingParameters(TokenFilters.GREEDY, Penalties.NONE,
                        new TokenRules(Map.of(), List.of(64, 3), List.of(new int[]{7, 8}), 4), 0),
                new int[]{20}, List.of(), false, -1, "", "", SequenceRow.NO_ADAPTER);

        SamplingRow row = of(request).row(new int[]{1}, 1, 1);

        assertThat(row.rules().allowed()).startsWith(1L << 3, 1).hasSize(5);
        assertThat(row.rules().banned()).isEqualTo(new int[][]{{7, 8}});
        assertThat(row.rules().leastTokens()).isEqualTo(4);
        assertThat(row.rules().endTokens()).contains(20, new FakeTokenizer().endToken())
                .hasSizeLessThan(5);
    }

    @Test
    void withoutPenaltiesTheSettingsAreTheSameForEveryToken() {
        SamplingSettings settings = with(1);

        assertThat(settings.row(new int[]{1, 2, 3}, 3, 2)).isSameAs(
                settings.row(new int[]{1, 2, 3, 4}, 4, 2));
    }
}
