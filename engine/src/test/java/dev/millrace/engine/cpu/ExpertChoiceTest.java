package dev.millrace.engine.cpu;

import dev.millrace.models.ExpertSpec;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

class ExpertChoiceTest {

    private static final int EXPERTS = 5;

    @Test
    void tokensLieByExpertAndEachKnowsItsRows() {
        ExpertSpec spec = ExpertSpec.of(EXPERTS, 2);
        ExpertChoice choice = new ExpertChoice(40, 2, EXPERTS);
        Random random = new Random(1);
        for (int tokens : new int[]{40, 1, 7}) {
            float[] logits = new float[tokens * EXPERTS];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = i % EXPERTS == 3 ? -100 : random.nextFloat();
            }
            choice.choose(spec, logits, tokens);

            assertThat(choice.rows()).isEqualTo(2 * tokens);
            assertThat(choice.firstRow(0)).isZero();
            assertThat(choice.firstRow(choice.active())).isEqualTo(choice.rows());
            for (int token = 0; token < tokens; token++) {
                for (int rank = 0; rank < 2; rank++) {
                    int row = choice.row(token, rank);
                    assertThat(choice.token(row)).isEqualTo(token);
                    assertThat(logits[token * EXPERTS + expertOf(choice, row)])
                            .isEqualTo(largest(logits, token, rank));
                }
            }
            for (int index = 0; index < choice.active(); index++) {
                assertThat(choice.expert(index)).as("chosen by nobody").isNotEqualTo(3);
                assertThat(choice.firstRow(index)).isLessThan(choice.firstRow(index + 1));
            }
        }
    }

    private static int expertOf(ExpertChoice choice, int row) {
        int index = 0;
        while (choice.firstRow(index + 1) <= row) {
            index++;
        }
        return choice.expert(index);
    }

    private static float largest(float[] logits, int token, int rank) {
        float[] sorted = Arrays.copyOfRange(logits, token * EXPERTS,
                (token + 1) * EXPERTS);
        Arrays.sort(sorted);
        return sorted[EXPERTS - 1 - rank];
    }

    @Test
    void weightsAreASoftmaxOverTheChosenOrOverAll() {
        float[] logits = {1, 3, 2, -1, 0};
        double chosen = Math.exp(3) + Math.exp(2);
        double all = chosen + Math.exp(1) + Math.exp(-1) + 1;
        ExpertChoice choice = new ExpertChoice(1, 2, EXPERTS);

        choice.choose(ExpertSpec.of(EXPERTS, 2), logits, 1);
        assertThat((double) choice.weight(0, 1)).isCloseTo(Math.exp(2) / chosen, within(1e-7));

        choice.choose(ExpertSpec.of(EXPERTS, 2).withNormalised(false), logits, 1);
        assertThat((double) choice.weight(0, 0)).isCloseTo(Math.exp(3) / all, within(1e-7));
    }

    @Test
    void equalLogitsAndNonsenseStillChooseDifferentExperts() {
        ExpertChoice choice = new ExpertChoice(2, 3, EXPERTS);
        float nan = Float.NaN;
        choice.choose(ExpertSpec.of(EXPERTS, 3), new float[]{1, 1, 1, 1, 1, nan, nan, 1, nan, nan},
                2);
        for (int token = 0; token < 2; token++) {
            assertThat(new int[]{choice.row(token, 0), choice.row(token, 1),
                choice.row(token, 2)}).doesNotHaveDuplicates();
        }
    }
}
