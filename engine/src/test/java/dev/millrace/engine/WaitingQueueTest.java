package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class WaitingQueueTest {

    private final WaitingQueue queue = new WaitingQueue();

    private Sequence add(long arrival, String group) {
        Sequence sequence = Sequences.of(arrival,
                Requests.of("r" + arrival, new int[]{1}, 1, group, ""));
        queue.add(sequence);
        return sequence;
    }

    private Sequence startNext() {
        Sequence next = queue.peek();
        queue.started(next);
        return next;
    }

    @Test
    void isFirstInFirstOutWithinAGroup() {
        Sequence first = add(0, "a");
        Sequence second = add(1, "a");

        assertThat(startNext()).isSameAs(first);
        assertThat(startNext()).isSameAs(second);
        assertThat(queue.peek()).isNull();
        assertThat(queue.size()).isZero();
    }

    @Test
    void aGroupThatFloodsTheQueueDoesNotKeepOthersOut() {
        Sequence first = add(0, "flood");
        Sequence second = add(1, "flood");
        add(2, "flood");
        Sequence other = add(3, "other");

        assertThat(startNext()).isSameAs(first);
        assertThat(startNext()).isSameAs(other);
        assertThat(startNext()).isSameAs(second);
    }

    @Test
    void aGroupWhoseSequencesEndedCountsThemNoMore() {
        Sequence first = add(0, "a");
        Sequence second = add(1, "a");
        add(2, "b");
        startNext();
        queue.stopped(first);

        assertThat(startNext()).isSameAs(second);
    }

    @Test
    void thrownOutSequencesComeFirstOldestFirst() {
        Sequence first = add(0, "a");
        Sequence second = add(1, "a");
        startNext();
        startNext();
        add(2, "b");
        queue.thrownOut(second);
        queue.thrownOut(first);

        assertThat(queue.size()).isEqualTo(3);
        assertThat(startNext()).isSameAs(first);
        assertThat(startNext()).isSameAs(second);
    }

    @Test
    void takesOutWhoeverWaits() {
        Sequence first = add(0, "a");
        Sequence second = add(1, "a");

        assertThat(queue.remove(first)).isTrue();
        assertThat(queue.remove(first)).isFalse();
        assertThat(startNext()).isSameAs(second);
        queue.thrownOut(second);
        assertThat(queue.remove(second)).isTrue();
        assertThat(queue.size()).isZero();
    }
}
