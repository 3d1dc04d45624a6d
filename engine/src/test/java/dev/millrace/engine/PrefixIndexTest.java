package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class PrefixIndexTest {

    private final PrefixIndex index = new PrefixIndex(2, new int[]{10, 10});

    private static Sequence holding(Sequence sequence, int... blocks) {
        for (int block : blocks) {
            sequence.blocks().append(0, block);
            sequence.blocks().append(1, block);
        }
        return sequence;
    }

    private int[][] find(Sequence sequence) {
        return index.find(sequence, sequence.length() / 2);
    }

    @Test
    void findsTheBlocksOfAnEqualBeginning() {
        index.enter(holding(Sequences.of(0, 1, 2, 3, 4, 5, 6), 7, 8, 9), 3);

        assertThat(find(Sequences.of(1, 1, 2, 3, 4, 0, 0, 5, 6))).isDeepEqualTo(
                new int[][]{{7, 7}, {8, 8}});
        assertThat(find(Sequences.of(1, 1, 2, 3))).isDeepEqualTo(new int[][]{{7, 7}});
    }

    @Test
    void equalTokensAfterAnotherBeginningAreSomethingElse() {
        index.enter(holding(Sequences.of(0, 1, 2, 3, 4), 7, 8), 2);

        assertThat(find(Sequences.of(1, 3, 4))).isEmpty();
        assertThat(find(Sequences.of(1, 2, 1, 3, 4))).isEmpty();
    }

    @Test
    void anEqualHashIsNotEnough() {
        int[] one = {0, 31};
        int[] other = {1, 0};
        assertThat(Arrays.hashCode(one)).isEqualTo(Arrays.hashCode(other));
        index.enter(holding(Sequences.of(0, one), 7), 1);

        assertThat(find(Sequences.of(1, other))).isEmpty();
        assertThat(find(Sequences.of(1, one))).hasDimensions(1, 2);
    }

    @Test
    void nothingIsSharedBetweenCacheSaltsOrAdapters() {
        int[] tokens = {1, 2};
        index.enter(holding(Sequences.of(0, Requests.of("a", tokens, 1, "", "salt")), 7), 1);

        assertThat(find(Sequences.of(1, Requests.of("b", tokens, 1, "", "salt"))))
                .hasDimensions(1, 2);
        assertThat(find(Sequences.of(1, Requests.of("b", tokens, 1, "", "other")))).isEmpty();
        GenerationRequest adapted = new GenerationRequest("c", tokens, 1, SamplingParameters.GREEDY,
                new int[0], List.of(), false, -1, "", "salt", 3);
        assertThat(find(Sequences.of(1, adapted))).isEmpty();
    }

    @Test
    void keepsTheBlockThatWasEnteredFirst() {
        index.enter(holding(Sequences.of(0, 1, 2), 7), 1);
        index.enter(holding(Sequences.of(1, 1, 2), 8), 1);

        assertThat(find(Sequences.of(2, 1, 2))).isDeepEqualTo(new int[][]{{7, 7}});
        assertThat(index.holds(0, 8)).isFalse();
    }

    @Test
    void forgetsOneGroupsBlockAndKeepsTheOthers() {
        index.enter(holding(Sequences.of(0, 1, 2, 3, 4), 7, 8), 2);

        index.forget(0, 7);

        assertThat(find(Sequences.of(1, 1, 2, 3, 4))).isDeepEqualTo(new int[][]{{-1, 7}, {8, 8}});
        index.enter(holding(Sequences.of(2, 1, 2), 9), 1);
        assertThat(find(Sequences.of(1, 1, 2))).isDeepEqualTo(new int[][]{{9, 7}});
    }

    @Test
    void keepsNoNodesWithoutBlocks() {
        index.enter(holding(Sequences.of(0, 1, 2, 3, 4, 5, 6), 1, 2, 3), 3);
        index.enter(holding(Sequences.of(1, 1, 2, 3, 4, 7, 8), 4, 5, 6), 3);
        index.enter(holding(Sequences.of(2, 1, 2, 3, 4, 5, 6), 7, 8, 9), 3);

        for (int block : new int[]{1, 6, 2, 3}) {
            assertThat(index.isEmpty()).isFalse();
            index.forget(0, block);
            index.forget(1, block);
        }
        assertThat(index.isEmpty()).isTrue();
    }

    @Test
    void entersNothingWhereTheWindowHasMovedOn() {
        Sequence sequence = Sequences.of(0, 1, 2);
        sequence.blocks().skip(0);
        sequence.blocks().skip(1);

        index.enter(sequence, 1);

        assertThat(index.isEmpty()).isTrue();
    }

    private int known(int[] tokens, String salt) {
        return index.known().tokens(Requests.of("asks", tokens, 1, "", salt));
    }

    @Test
    void otherThreadsMayKnowHowManyTokensAreFound() {
        index.enter(holding(Sequences.of(0, Requests.of("a", new int[]{1, 2, 3, 4}, 1, "",
                "salt")), 7, 8), 2);

        assertThat(known(new int[]{1, 2, 3, 4, 5}, "salt")).isEqualTo(4);
        assertThat(known(new int[]{1, 2, 3}, "salt")).isEqualTo(2);
        assertThat(known(new int[]{3, 4}, "salt")).isZero();
        assertThat(known(new int[]{1, 2, 3, 4}, "other")).isZero();
        for (int group = 0; group < 2; group++) {
            index.forget(group, 8);
        }
        assertThat(known(new int[]{1, 2, 3, 4, 5}, "salt")).isEqualTo(2);
    }
}
