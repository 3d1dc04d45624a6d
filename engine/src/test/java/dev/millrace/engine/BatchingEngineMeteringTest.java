package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class BatchingEngineMeteringTest extends RunningEngineTest {

    @Test
    void everyStepIsInTheBooksToTheNanosecond() throws Exception {
        start(letters().failAtStep(5), books);
        List<Generation> generations = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            generations.add(engine.submit(Requests.of("r" + i, "Hello " + i, 10 + i)));
        }
        for (Generation generation : generations) {
            Answer.of(generation);
        }

        LaneReading reading = lane.reading();
        assertThat(books.stepNanos()).isEqualTo(reading.stepNanos());
        assertThat(reading.stepNanos() + reading.overheadNanos() + reading.idleNanos())
                .isEqualTo(reading.elapsedNanos());
        assertThat(books.finished()).hasSize(12);
    }

    @Test
    void theMeterKnowsOfAStepBeforeTheReaderSeesItsToken() throws Exception {
        AtomicInteger metered = new AtomicInteger();
        start(letters(), new StepObserver() {
            @Override
            public void onStep(StepRecord step) {
                // Were tokens published first, the reader would win this race.
                sleepMillis(2);
                metered.incrementAndGet();
            }

            @Override
            public void onFinished(FinishedRequest request) {}
        });
        Generation generation = engine.submit(Requests.of("a", "Hello", 30));

        for (int tokens = 1; tokens <= 30; tokens++) {
            assertThat(generation.next(Duration.ofSeconds(60))).isInstanceOf(Token.class);
            assertThat(metered.get()).isGreaterThanOrEqualTo(tokens);
        }
    }

    @Test
    void theMeterClosesARequestAfterItsLastStepAndBeforeItsReaderKnows() throws Exception {
        List<String> order = new ArrayList<>();
        CountDownLatch readerMayKnow = new CountDownLatch(1);
        start(letters(), new StepObserver() {
            @Override
            public void onStep(StepRecord step) {
                order.add("step");
            }

            @Override
            public void onFinished(FinishedRequest request) {
                order.add("finished");
                await(readerMayKnow);
            }
        });
        Generation generation = engine.submit(Requests.of("a", "Hello", 2));

        assertThat(generation.next(Duration.ofSeconds(60))).isInstanceOf(Token.class);
        assertThat(generation.next(Duration.ofSeconds(60))).isInstanceOf(Token.class);
        assertThat(generation.next(Duration.ofMillis(50))).isNull();
        readerMayKnow.countDown();
        assertThat(Answer.of(generation).tokens()).isEmpty();
        assertThat(order).containsExactly("step", "step", "finished");
    }

    @Test
    void aLaterTurnOfAChatReusesTheCacheOfTheEarlier() throws Exception {
        start();
        String history = "A long conversation that both turns begin with. ".repeat(3);
        Answer.of(engine.submit(Requests.of("first", history, 20)));

        Answer second = Answer.of(engine.submit(Requests.of("second", history + "More?", 20)));

        assertThat(second.finished().usage().cachedTokens()).isEqualTo(144);
        assertThat(second.ids()).isEqualTo(ScriptedForwardPass.alone(NextToken.letters(),
                new FakeTokenizer().encode(history + "More?", true), 20));
        int computed = books.steps().stream().flatMap(step -> step.shares().stream())
                .filter(share -> share.requestId().equals("second"))
                .mapToInt(StepShare::promptTokens).sum();
        assertThat(computed + 144).isEqualTo(second.finished().usage().promptTokens());
    }

    @Test
    void timingsAreInOrder() throws Exception {
        RequestTimings timings = Answer.of(start().submit(Requests.of("a", "Hello", 5)))
                .finished().timings();

        assertThat(timings.queueNanos()).isNotNegative();
        assertThat(timings.firstTokenNanos()).isGreaterThan(timings.queueNanos());
        assertThat(timings.totalNanos()).isGreaterThan(timings.firstTokenNanos());
    }

    @Test
    void twoEnginesShareADeviceWithoutOverlap() throws Exception {
        start(letters().takes(200_000, 0), books);
        RecordingObserver otherBooks = new RecordingObserver();
        try (BatchingEngine other = BatchingEngine.start("other",
                letters().takes(200_000, 0), VOCABULARY,
                SETTINGS, lane, otherBooks)) {
            Generation one = engine.submit(Requests.of("one", "Hello", 50));
            Generation two = other.submit(Requests.of("two", "Hello", 50));
            Answer.of(one);
            Answer.of(two);

            assertThat(books.stepNanos() + otherBooks.stepNanos())
                    .isEqualTo(lane.reading().stepNanos());
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(120, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
