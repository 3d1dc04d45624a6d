package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class BatchingEngineLifecycleTest extends RunningEngineTest {

    @Test
    void refusesMoreThanTheQueueHoldsAndEstimatesTheWait() {
        start(letters().takes(20_000_000, 0), books);
        AtomicInteger accepted = new AtomicInteger();

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> {
            for (int i = 0; i < 100; i++) {
                engine.submit(Requests.of("r" + i, "x", 400));
                accepted.incrementAndGet();
            }
        }).withMessageContaining("16 requests").satisfies(
                overload -> assertThat(overload.retryAfter()).isPositive());
        assertThat(accepted.get()).isBetween(16, 24);
    }

    @Test
    void refusesMorePromptTokensThanTheQueueHolds() {
        start(letters().takes(50_000_000, 0), books);

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> {
            for (int i = 0; i < 16; i++) {
                engine.submit(Requests.of("r" + i, new int[300], 100));
            }
        }).withMessageContaining("exceed 1000");
    }

    @Test
    void cancelsWithinAStep() throws Exception {
        ScriptedForwardPass pass = letters().takes(5_000_000, 0);
        start(pass, books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 400));
        assertThat(generation.next(Duration.ofSeconds(60))).isInstanceOf(Token.class);

        generation.cancel();
        generation.cancel();
        int stepsAtCancel = pass.steps();
        Answer answer = Answer.of(generation);

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(pass.steps()).isLessThanOrEqualTo(stepsAtCancel + 1);
        assertThat(books.finished()).hasSize(1);
    }

    @Test
    void curtailsWithinAStepAndKeepsTheTokens() throws Exception {
        ScriptedForwardPass pass = letters().takes(5_000_000, 0);
        start(pass, books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 400));
        assertThat(generation.next(Duration.ofSeconds(60))).isInstanceOf(Token.class);

        generation.curtail();
        generation.cancel(); // comes too late to be the reason
        int stepsThen = pass.steps();
        Answer answer = Answer.of(generation);

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.finished().usage().completionTokens()).isPositive()
                .isEqualTo(answer.tokens().size() + 1);
        assertThat(pass.steps()).isLessThanOrEqualTo(stepsThen + 1);
        assertThat(books.finished()).hasSize(1);
    }

    @Test
    void aPoisonedRequestFailsAlone() throws Exception {
        int poison = FakeTokenizer.FIRST_BYTE + '#';
        start(letters().poisonedBy(poison), books);

        Generation healthy = engine.submit(Requests.of("healthy", "Hello", 100));
        Generation poisoned = engine.submit(Requests.of("poisoned", "Hel#lo", 100));

        Answer failed = Answer.of(poisoned);
        assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
        assertThat(failed.finished().error()).contains("not a number");
        assertThat(failed.tokens()).isEmpty();
        assertThat(Answer.of(healthy).finished().reason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void aRequestThatMakesAStepFailFailsAlone() throws Exception {
        int trap = FakeTokenizer.FIRST_BYTE + '#';
        start(letters().failWhen(batch -> batch.rows().stream().anyMatch(
                row -> Arrays.stream(row.tokens()).anyMatch(token -> token == trap))), books);

        List<Generation> healthy = IntStream.range(0, 5)
                .mapToObj(i -> engine.submit(Requests.of("r" + i, "Hello", 50))).toList();
        Answer failed = Answer.of(engine.submit(Requests.of("trap", "Hel#lo", 100)));

        assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
        for (Generation generation : healthy) {
            Answer answer = Answer.of(generation);
            assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
            assertThat(answer.text()).isEqualTo(Answer.of(engine.submit(Requests.of(
                    "again-" + generation.id(), "Hello", 50))).text());
        }
    }

    @Test
    void aRequestEndsWhenItsTimeIsOverWithWhatItHas() throws Exception {
        start(letters().takes(5_000_000, 0), books);
        Generation running = engine.submit(Requests.of("a", "Hello", 400)
                .served(ServiceTerms.STANDARD.within(Duration.ofMillis(100))));

        Answer answer = Answer.of(running);

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.DEADLINE);
        assertThat(answer.tokens()).hasSizeBetween(1, 40)
                .hasSize(answer.finished().usage().completionTokens());
    }

    @Test
    void aRequestWhoseTimeIsOverWhileItWaitsNeverRuns() throws Exception {
        start(letters().takes(1_000_000, 0), books);
        Generation late = engine.submit(Requests.of("late", "Hello", 400)
                .served(ServiceTerms.STANDARD.within(Duration.ofNanos(1))));

        assertThat(Answer.of(late).finished().reason()).isEqualTo(FinishReason.DEADLINE);
        assertThat(books.steps()).isEmpty();
        assertThat(books.finished()).hasSize(1);
    }

    @Test
    void aFailedStepFailsItsRequestsAndTheEngineGoesOn() throws Exception {
        start(letters().failAtStep(3), books);

        Answer failed = Answer.of(engine.submit(Requests.of("first", "Hello", 100)));
        Answer next = Answer.of(engine.submit(Requests.of("second", "Hello", 100)));

        assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
        assertThat(failed.finished().error()).contains("step failed").doesNotContain("injected");
        assertThat(failed.tokens()).hasSize(2);
        assertThat(next.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(books.steps().get(2).shares()).containsExactly(
                new StepShare("first", 0, 0, 1, 8));
    }

    @Test
    void closingCancelsWhatIsLeftAndTellsTheMeter() throws Exception {
        start(letters().takes(5_000_000, 0), books);
        List<Generation> generations = IntStream.range(0, 12)
                .mapToObj(i -> engine.submit(Requests.of("r" + i, "Hello", 400))).toList();

        engine.close();

        for (Generation generation : generations) {
            assertThat(Answer.of(generation).finished().reason())
                    .isEqualTo(FinishReason.CANCELLED);
        }
        assertThat(books.finished()).extracting(FinishedRequest::requestId)
                .doesNotHaveDuplicates().hasSize(12);
        assertThatExceptionOfType(OverloadException.class)
                .isThrownBy(() -> engine.submit(Requests.of("late", "Hello", 1)));
    }

    @Test
    void drainingLetsRunningRequestsFinish() throws Exception {
        start(letters().takes(1_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 50));

        assertThat(engine.drain(Duration.ofSeconds(120))).isTrue();
        assertThat(Answer.of(generation).finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(engine.status().draining()).isTrue();
        assertThatExceptionOfType(OverloadException.class)
                .isThrownBy(() -> engine.submit(Requests.of("late", "Hello", 1)));
    }

    @Test
    void drainingCancelsWhatTakesTooLong() throws Exception {
        start(letters().takes(10_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 400));

        assertThat(engine.drain(Duration.ofMillis(30))).isFalse();
        assertThat(Answer.of(generation).finished().reason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void aBrokenMeterStopsTheEngineAndNobodyWaitsForever() throws Exception {
        start(letters(), new StepObserver() {
            @Override
            public void onStep(StepRecord step) {
                throw new IllegalStateException("broken on purpose");
            }

            @Override
            public void onFinished(FinishedRequest request) {}
        });

        Answer answer = Answer.of(engine.submit(Requests.of("a", "Hello", 10)));

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.FAILED);
        assertThat(engine.status().draining()).isTrue();
        assertThatIllegalStateException()
                .isThrownBy(() -> engine.submit(Requests.of("b", "Hello", 1)))
                .withMessageContaining("internal error");
    }

    @Test
    void anErrorOfTheMeterLeavesNoReaderWaiting() throws Exception {
        CompletableFuture<Void> allSubmitted = new CompletableFuture<>();
        start(letters(), new StepObserver() {
            @Override
            public void onStep(StepRecord step) {
                allSubmitted.join(); // or the first end would close the engine to the others
            }

            @Override
            public void onFinished(FinishedRequest request) {
                throw new AssertionError("broken on purpose");
            }
        });
        List<Generation> generations = IntStream.range(0, 3)
                .mapToObj(i -> engine.submit(Requests.of("r" + i, "Hello", 5 + i))).toList();
        allSubmitted.complete(null);

        for (Generation generation : generations) {
            assertThat(Answer.of(generation).finished()).isNotNull();
        }
    }

    @Test
    void statusCountsWhatRunsAndWaits() throws Exception {
        start(letters().takes(20_000_000, 0), books);
        for (int i = 0; i < 12; i++) {
            engine.submit(Requests.of("r" + i, "Hello", 400));
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (engine.status().running() < 8 && System.nanoTime() < deadline) {
            sleepMillis(5);
        }

        EngineStatus status = engine.status();
        assertThat(status.running()).isEqualTo(8);
        assertThat(status.waiting()).isEqualTo(4);
        assertThat(status.usedBlocks()).isGreaterThanOrEqualTo(8);
        assertThat(status.totalBlocks()).isEqualTo(1024);
    }
}
