package dev.millrace.engine.replicas;

import dev.millrace.engine.GenerationRequest;
import dev.millrace.engine.ServiceTerms;
import dev.millrace.engine.ServiceTier;
import dev.millrace.engine.fixtures.Requests;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class ReplicaChoiceTest {

    private static final int EACH = ReplicaChoice.REQUEST_TOKENS;

    private final FakeReplica first = new FakeReplica();
    private final FakeReplica second = new FakeReplica();
    private final FakeReplica third = new FakeReplica();
    private final ReplicaChoice choice = new ReplicaChoice(List.of(first, second, third));
    private final GenerationRequest request = Requests.of("a", new int[1000], 10);

    private List<Integer> order() {
        return choice.order(request, null);
    }

    @Test
    void takesTurnsWhereNothingElseDecides() {
        assertThat(order()).containsExactly(0, 1, 2);
        assertThat(order()).containsExactly(1, 2, 0);
        assertThat(order()).containsExactly(2, 0, 1);
        assertThat(order()).containsExactly(0, 1, 2);
    }

    @Test
    void theLongestCachedBeginningWinsUntilItsReplicaIsThatMuchBusier() {
        third.cachedTokens = 3 * EACH;
        first.cachedTokens = EACH;
        third.requests = 1;
        assertThat(order()).containsExactly(2, 0, 1); // 1000 less 2, 1 and 0 times 256

        third.requests = 3; // as good as the second, whose turn it is; the first is better
        assertThat(order()).containsExactly(0, 1, 2);
        third.promptTokens = 1;
        first.promptTokens = EACH + 2;
        assertThat(order()).containsExactly(1, 2, 0);
    }

    @Test
    void promptsThatWaitCountByTheirTokens() {
        first.promptTokens = 5000;
        second.requests = 5000 / EACH;
        third.requests = 5000 / EACH + 1;
        assertThat(order()).containsExactly(1, 0, 2);
    }

    @Test
    void choicesOfARequestStayTogetherHoweverBusyTheirReplicaIs() {
        second.prompt = request.prompt();
        second.requests = 100;
        second.promptTokens = 100_000;
        assertThat(order()).first().isEqualTo(1);
        second.prompt = request.prompt().clone(); // somebody else who says the same
        assertThat(order()).last().isEqualTo(1);
    }

    @Test
    void whatARequestOvertakesDoesNotCount() {
        first.flexRequests = 50;
        second.requests = 1;
        third.requests = 1;
        assertThat(order()).first().isEqualTo(0);
        assertThat(choice.order(request.served(new ServiceTerms(ServiceTier.FLEX, 0,
                Duration.ZERO)), null)).last().isEqualTo(0);
    }

    @Test
    void whoIsLostOrLacksTheAdapterIsNotAsked() {
        first.failure = "lost";
        assertThat(order()).containsExactly(1, 2);
        assertThat(choice.order(request, new int[]{4, -1, 5})).containsExactly(2);
        second.failure = "lost";
        third.failure = "lost";
        assertThat(order()).isEmpty();
    }
}
