package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class SequenceTest {

    private final Sequence sequence = Sequences.ofLength(0, 20);

    private void compute(int tokens) {
        sequence.schedule(tokens);
        sequence.advance();
    }

    @Test
    void countsAsCachedOnlyWhatItNeverComputed() {
        sequence.admit(4);
        compute(6);
        sequence.preempt();
        sequence.admit(16);

        // 4 at first; positions 4 to 9 it computed itself; 10 to 15 others have computed since.
        assertThat(sequence.usage().cachedTokens()).isEqualTo(10);
        compute(4);
        sequence.preempt();
        sequence.admit(16);
        assertThat(sequence.usage().cachedTokens()).isEqualTo(10);
    }

    @Test
    void aStepMayRecomputeGoOnWithThePromptAndDecode() {
        sequence.admit(0);
        compute(5);
        sequence.preempt();
        sequence.admit(0);
        sequence.append(1);
        sequence.schedule(21);

        assertThat(sequence.share(99)).isEqualTo(new StepRecord.StepShare("r0", 15, 5, 1, 99));
    }

    @Test
    void isFullAtItsLimit() {
        Sequence sequenceOfTwo = Sequences.of(0, Requests.of("a", new int[]{1, 2}, 2));

        sequenceOfTwo.append(3);
        assertThat(sequenceOfTwo.full()).isFalse();
        sequenceOfTwo.append(4);
        assertThat(sequenceOfTwo.full()).isTrue();
        assertThat(sequenceOfTwo.tokens(0, 4)).containsExactly(1, 2, 3, 4);
    }

    @Test
    void endsOnce() {
        assertThat(sequence.end()).isTrue();
        assertThat(sequence.end()).isFalse();
    }
}
