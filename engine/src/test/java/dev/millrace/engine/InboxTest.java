package dev.millrace.engine;

import dev.millrace.engine.fixtures.Requests;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class InboxTest {

    private final Inbox inbox = new Inbox(new EngineSettings(4, 8, 100, 3, 10, false));
    private final List<Sequence> submitted = new ArrayList<>();
    private final List<Sequence> cancelled = new ArrayList<>();

    private Sequence submit(int promptTokens) {
        Sequence sequence = Sequences.ofLength(0, promptTokens);
        inbox.submit(sequence);
        return sequence;
    }

    private void start(Sequence sequence) {
        sequence.start();
        inbox.started(sequence, 0);
    }

    private void deliver() {
        inbox.deliver(submitted::add, (sequence, reason) -> cancelled.add(sequence));
    }

    @Test
    void numbersRequestsInTheOrderOfSubmission() {
        assertThat(submit(1).arrival()).isEqualTo(0);
        assertThat(submit(1).arrival()).isEqualTo(1);
    }

    @Test
    void holdsAsManyRequestsAsAllowedUntilOneRuns() {
        Sequence first = submit(1);
        submit(1);
        submit(1);

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit(1))
                .withMessageContainingAll("3 requests", "try again in 1 s");
        start(first);
        submit(1);
    }

    @Test
    void aRequestThatEndsWithoutEverRunningLeavesTheQueueToo() {
        Sequence first = submit(10);
        inbox.ended(first);

        submit(10);
        assertThat(inbox.liveRequests()).isEqualTo(1);
    }

    @Test
    void aRequestThatRanHasLeftTheQueueOnlyOnce() {
        Sequence first = submit(10);
        start(first);
        inbox.ended(first);
        submit(5);

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit(6))
                .withMessageContainingAll("5 prompt tokens", "6 more", "exceed 10");
    }

    @Test
    void aPromptLongerThanTheQueueMayWaitAlone() {
        submit(50);

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit(1));
    }

    @Test
    void deliversEverythingOnce() {
        Sequence sequence = submit(1);
        inbox.end(sequence, FinishReason.CANCELLED);
        inbox.end(sequence, FinishReason.CANCELLED);
        deliver();
        deliver();

        assertThat(submitted).containsExactly(sequence);
        assertThat(cancelled).containsExactly(sequence);
    }

    @Test
    void cancellingWhatHasEndedDoesNothing() {
        Sequence sequence = submit(1);
        deliver();
        inbox.ended(sequence);
        inbox.end(sequence, FinishReason.CANCELLED);
        deliver();

        assertThat(cancelled).isEmpty();
    }

    @Test
    void closingCancelsAllAndIsOverWhenAllHaveEnded() {
        Sequence sequence = submit(1);
        inbox.close();

        assertThat(inbox.await(true)).isTrue();
        deliver();
        assertThat(cancelled).containsExactly(sequence);
        inbox.ended(sequence);
        assertThat(inbox.await(true)).isFalse();
    }

    @Test
    void isEmptyOnlyWhenEveryRequestHasEnded() throws Exception {
        Sequence sequence = submit(1);

        assertThat(inbox.awaitEmpty(Duration.ofMillis(1))).isFalse();
        inbox.ended(sequence);
        assertThat(inbox.awaitEmpty(Duration.ZERO)).isTrue();
    }

    @Test
    void saysWhyItTakesNothingMore() {
        inbox.drain();
        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit(1))
                .withMessageContaining("shutting down");

        inbox.fail(new IllegalStateException("broken on purpose"));
        assertThatThrownBy(() -> submit(1)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("internal error").hasRootCauseMessage("broken on purpose");
    }

    private Sequence submit(ServiceTier tier, int[] prompt) {
        Sequence sequence = Sequences.of(0, Requests.of("r", prompt, 1)
                .served(new ServiceTerms(tier, 0, Duration.ZERO)));
        inbox.submit(sequence);
        return sequence;
    }

    @Test
    void countsWhatLiesBeforeARequestOfATierAndWhichPromptsThereAre() {
        int[] prompt = {1, 2, 3};
        Sequence flex = submit(ServiceTier.FLEX, prompt);
        Sequence urgent = submit(ServiceTier.PRIORITY, prompt);

        assertThat(inbox.load(ServiceTier.PRIORITY)).isEqualTo(new EngineLoad(1, 3));
        assertThat(inbox.load(ServiceTier.DEFAULT)).isEqualTo(new EngineLoad(1, 3));
        assertThat(inbox.load(ServiceTier.FLEX)).isEqualTo(new EngineLoad(2, 6));
        start(flex);
        assertThat(inbox.load(ServiceTier.PRIORITY)).isEqualTo(new EngineLoad(2, 3));
        inbox.ended(flex);
        assertThat(inbox.hasPrompt(prompt)).isTrue();
        assertThat(inbox.hasPrompt(prompt.clone())).isFalse();
        inbox.ended(urgent);
        assertThat(inbox.hasPrompt(prompt)).isFalse();
        assertThat(inbox.load(ServiceTier.FLEX)).isEqualTo(new EngineLoad(0, 0));
    }
}
