package dev.millrace.engine;

import dev.millrace.engine.forward.SamplingRow;
import java.util.Map;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class SamplingSettingsTest {

    private static SamplingSettings with(float repetitionPenalty) {
        return new SamplingSettings(new SamplingParameters(1, 40, 0.9f, 0.1f, 7, repetitionPenalty,
                0, 0, Map.of(5, -1f, 3, 2f)));
    }

    @Test
    void carriesEverySettingAndTheBiasInOrder() {
        SamplingRow row = with(1).row(new int[]{1, 2, 3}, 3, 2);

        assertThat(row.temperature()).isEqualTo(1);
        assertThat(row.topK()).isEqualTo(40);
        assertThat(row.topP()).isEqualTo(0.9f);
        assertThat(row.minP()).isEqualTo(0.1f);
        assertThat(row.seed()).isEqualTo(7);
        assertThat(row.biasTokens()).containsExactly(3, 5);
        assertThat(row.biasValues()).containsExactly(2f, -1f);
    }

    @Test
    void penaltiesSeeTheWholeHistoryAndNoMore() {
        SamplingRow row = with(1.1f).row(new int[]{1, 2, 3, 0, 0}, 3, 2);

        assertThat(row.history()).containsExactly(1, 2, 3);
        assertThat(row.historyPrompt()).isEqualTo(2);
    }

    @Test
    void withoutPenaltiesNoHistoryIsCopied() {
        SamplingSettings settings = with(1);

        assertThat(settings.row(new int[]{1, 2, 3}, 3, 2)).isSameAs(
                settings.row(new int[]{1, 2, 3, 4}, 4, 2));
    }
}
