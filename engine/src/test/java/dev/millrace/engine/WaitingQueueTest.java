package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import java.time.Duration;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class WaitingQueueTest {

    private final WaitingQueue queue = new WaitingQueue();

    private Sequence add(long arrival, String group) {
        return add(arrival, group, 1, ServiceTerms.STANDARD);
    }

    private Sequence add(long arrival, String group, int promptTokens, ServiceTerms terms) {
        Sequence sequence = Sequences.of(arrival, Requests.of("r" + arrival, new int[promptTokens],
                1, group, "").served(terms));
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
    void theGroupThatWasServedLeastGoesFirst() {
        add(0, "a", 100, ServiceTerms.STANDARD);
        Sequence small = add(1, "b", 10, ServiceTerms.STANDARD);
        Sequence large = add(2, "a", 100, ServiceTerms.STANDARD);
        Sequence later = add(3, "b", 10, ServiceTerms.STANDARD);
        Sequence latest = add(4, "b", 10, ServiceTerms.STANDARD);
        startNext();

        assertThat(startNext()).isSameAs(small);
        assertThat(startNext()).isSameAs(later);
        for (int token = 0; token < 50; token++) {
            queue.generated(small);
        }
        assertThat(startNext()).isSameAs(large);
        assertThat(startNext()).isSameAs(latest);
    }

    @Test
    void aGroupThatWasAwayGetsNoCreditForIt() {
        for (int i = 0; i < 10; i++) {
            add(i, "busy", 100, ServiceTerms.STANDARD);
            startNext();
        }
        add(10, "busy", 100, ServiceTerms.STANDARD);
        for (int i = 11; i < 15; i++) {
            add(i, "new", 100, ServiceTerms.STANDARD);
        }

        assertThat(startNext().request().fairnessGroup()).isEqualTo("busy");
        assertThat(startNext().request().fairnessGroup()).isEqualTo("new");
        assertThat(queue.peek().request().fairnessGroup()).isEqualTo("new");
    }

    @Test
    void aBetterTierGoesFirstUntilTheOtherHasWaitedTenMinutes() {
        Sequence flex = submitted(0, 0, ServiceTier.FLEX);
        Sequence usual = submitted(1, Duration.ofMinutes(9), ServiceTier.DEFAULT);
        Sequence urgent = submitted(2, Duration.ofMinutes(9), ServiceTier.PRIORITY);
        Sequence late = submitted(3, Duration.ofMinutes(11), ServiceTier.DEFAULT);

        assertThat(startNext()).isSameAs(urgent);
        assertThat(startNext()).isSameAs(usual);
        assertThat(startNext()).isSameAs(flex);
        assertThat(startNext()).isSameAs(late);
    }

    @Test
    void lowerPriorityNumbersGoFirstWithinATierUntilTheOthersHaveWaited() {
        Sequence third = submitted(0, 0, terms(10));
        Sequence second = submitted(1, 0, terms(0));
        Sequence first = submitted(2, 0, terms(-10));
        Sequence last = submitted(3, Duration.ofSeconds(50), terms(-10));

        assertThat(startNext()).isSameAs(first);
        assertThat(startNext()).isSameAs(second);
        assertThat(startNext()).isSameAs(third);
        assertThat(startNext()).isSameAs(last);
    }

    private static ServiceTerms terms(int priority) {
        return new ServiceTerms(ServiceTier.DEFAULT, priority, Duration.ZERO);
    }

    private Sequence submitted(long arrival, Duration when, ServiceTier tier) {
        return submitted(arrival, when.toNanos(), new ServiceTerms(tier, 0, Duration.ZERO));
    }

    private Sequence submitted(long arrival, long nanos, ServiceTier tier) {
        return submitted(arrival, nanos, new ServiceTerms(tier, 0, Duration.ZERO));
    }

    private Sequence submitted(long arrival, Duration when, ServiceTerms terms) {
        return submitted(arrival, when.toNanos(), terms);
    }

    private Sequence submitted(long arrival, long nanos, ServiceTerms terms) {
        Sequence sequence = Sequences.submittedAt(nanos, arrival,
                Requests.of("r" + arrival, new int[]{1}, 1).served(terms));
        queue.add(sequence);
        return sequence;
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
