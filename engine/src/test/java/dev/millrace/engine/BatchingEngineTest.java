package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Token;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.engine.forward.SequenceRow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

@Timeout(30)
class BatchingEngineTest {

    private static final EngineSettings SETTINGS = new EngineSettings(8, 64, 512, 16, 1000, true);
    private static final Vocabulary VOCABULARY = Vocabulary.of(new FakeTokenizer(),
            FakeTokenizer.VOCABULARY_SIZE);

    private final RecordingObserver books = new RecordingObserver();
    private final DeviceLane lane = new DeviceLane();
    private ScriptedForwardPass pass = new ScriptedForwardPass(NextToken.letters());
    private BatchingEngine engine;

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
        }
    }

    private BatchingEngine start(ScriptedForwardPass model, StepObserver observer) {
        pass = model;
        engine = BatchingEngine.start("test", model, VOCABULARY, SETTINGS, lane, observer);
        return engine;
    }

    private BatchingEngine start() {
        return start(pass, books);
    }

    private static ScriptedForwardPass saying(String text) {
        return new ScriptedForwardPass(NextToken.answer(text));
    }

    @Test
    void answersUntilTheTokenLimit() throws Exception {
        Answer answer = Answer.of(start().submit(Requests.of("a", "Hello", 20)));

        assertThat(answer.ids()).isEqualTo(ScriptedForwardPass.alone(NextToken.letters(),
                new FakeTokenizer().encode("Hello", true), 20));
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.finished().usage()).isEqualTo(new TokenUsage(6, 0, 20));
    }

    @Test
    void countsTheEndTokenButDoesNotPublishIt() throws Exception {
        Answer answer = Answer.of(start(saying("Good day."), books)
                .submit(Requests.of("a", "Hello", 50)));

        assertThat(answer.text()).isEqualTo("Good day.");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.finished().stopSequence()).isNull();
        assertThat(answer.finished().usage().completionTokens()).isEqualTo(10);
    }

    @Test
    void goesOnPastTheEndTokenWhenAskedTo() throws Exception {
        GenerationRequest request = new GenerationRequest("a", new int[]{70}, 5,
                SamplingParameters.GREEDY, new int[0], List.of(), true, -1, "", "",
                SequenceRow.NO_ADAPTER);

        Answer answer = Answer.of(start(saying("ab"), books).submit(request));

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.ids()).hasSize(5).contains(FakeTokenizer.END);
    }

    @Test
    void endsAtAStopTokenOfTheRequest() throws Exception {
        int comma = FakeTokenizer.FIRST_BYTE + ',';
        GenerationRequest request = new GenerationRequest("a", new int[]{70}, 50,
                SamplingParameters.GREEDY, new int[]{comma}, List.of(), true, -1, "", "",
                SequenceRow.NO_ADAPTER);

        Answer answer = Answer.of(start(saying("one, two"), books).submit(request));

        assertThat(answer.text()).isEqualTo("one");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
    }

    @Test
    void endsAtAStopSequenceAndNamesIt() throws Exception {
        GenerationRequest request = Requests.stoppingAt(Requests.of("a", "Hello", 50), "!!", "tw");

        Answer answer = Answer.of(start(saying("one, two, three"), books).submit(request));

        assertThat(answer.text()).isEqualTo("one, ");
        assertThat(answer.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(answer.finished().stopSequence()).isEqualTo("tw");
        assertThat(answer.finished().usage().completionTokens()).isEqualTo(7);
    }

    @Test
    void publishesWhatAnUnfinishedStopSequenceHeldBack() throws Exception {
        GenerationRequest request = Requests.stoppingAt(Requests.of("a", "Hello", 50), "day.!");

        Answer answer = Answer.of(start(saying("Good day."), books).submit(request));

        assertThat(answer.text()).isEqualTo("Good day.");
    }

    @Test
    void endsWithTheContextWhateverTheTokenLimit() throws Exception {
        Answer answer = Answer.of(start().submit(Requests.of("a", new int[500], 10_000)));

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(answer.finished().usage().totalTokens()).isEqualTo(512);
    }

    @Test
    void reportsLogProbabilitiesWhenAskedTo() throws Exception {
        GenerationRequest request = new GenerationRequest("a", new int[]{70}, 3,
                SamplingParameters.GREEDY, new int[0], List.of(), true, 2, "", "",
                SequenceRow.NO_ADAPTER);

        Token token = Answer.of(start().submit(request)).tokens().getFirst();

        assertThat(token.logprob()).isEqualTo(-0.5f);
        assertThat(token.top().tokens()).hasSize(2).startsWith(token.token());
    }

    @Test
    void leavesLogProbabilitiesOutOtherwise() throws Exception {
        Token token = Answer.of(start().submit(Requests.of("a", "x", 1))).tokens().getFirst();

        assertThat(token.logprob()).isNaN();
        assertThat(token.top()).isNull();
    }

    @Test
    void refusesWhatCanNeverRunAndSaysBothCounts() {
        start();

        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[512], 1)))
                .withMessageContainingAll("512 tokens", "context is 512");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[]{258}, 1)))
                .withMessageContainingAll("0 to 257", "258");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[]{-1}, 1)))
                .withMessageContaining("-1");
        assertThatIllegalArgumentException().isThrownBy(
                () -> engine.submit(Requests.stoppingAt(Requests.of("a", "x", 1), "")))
                .withMessageContaining("stop sequence");
        assertThat(books.finished()).isEmpty();
    }

    @Test
    void refusesAPromptThatTheCacheCannotHold() {
        start(new ScriptedForwardPass(ScriptedForwardPass.geometry(16, 4),
                FakeTokenizer.VOCABULARY_SIZE, NextToken.letters()), books);

        assertThatIllegalArgumentException()
                .isThrownBy(() -> engine.submit(Requests.of("a", new int[65], 1)))
                .withMessageContainingAll("65 tokens", "holds 64");
    }

    @Test
    void refusesMoreThanTheQueueHoldsAndEstimatesTheWait() {
        start(new ScriptedForwardPass(NextToken.letters()).takes(20_000_000, 0), books);
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
        start(new ScriptedForwardPass(NextToken.letters()).takes(50_000_000, 0), books);

        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> {
            for (int i = 0; i < 16; i++) {
                engine.submit(Requests.of("r" + i, new int[300], 100));
            }
        }).withMessageContaining("exceed 1000");
    }

    @Test
    void cancelsWithinAStep() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).takes(5_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 400));
        assertThat(generation.next(Duration.ofSeconds(5))).isInstanceOf(Token.class);

        generation.cancel();
        generation.cancel();
        int stepsAtCancel = pass.steps();
        Answer answer = Answer.of(generation);

        assertThat(answer.finished().reason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(pass.steps()).isLessThanOrEqualTo(stepsAtCancel + 1);
        assertThat(books.finished()).hasSize(1);
    }

    @Test
    void doesNotWaitForASlowReader() throws Exception {
        start();
        Generation ignored = engine.submit(Requests.of("ignored", "Hello", 400));
        Answer other = Answer.of(engine.submit(Requests.of("read", "Hello", 400)));

        assertThat(other.tokens()).hasSize(400);
        assertThat(Answer.of(ignored).tokens()).hasSize(400);
    }

    @Test
    void saysNothingInTimeAsNull() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).takes(200_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 1));

        assertThat(generation.next(Duration.ofMillis(5))).isNull();
        Answer.of(generation);
        assertThatIllegalStateException().isThrownBy(() -> generation.next(Duration.ZERO));
    }

    @Test
    void aPoisonedRequestFailsAlone() throws Exception {
        int poison = FakeTokenizer.FIRST_BYTE + '#';
        start(new ScriptedForwardPass(NextToken.letters()).poisonedBy(poison), books);

        Generation healthy = engine.submit(Requests.of("healthy", "Hello", 100));
        Generation poisoned = engine.submit(Requests.of("poisoned", "Hel#lo", 100));

        Answer failed = Answer.of(poisoned);
        assertThat(failed.finished().reason()).isEqualTo(FinishReason.FAILED);
        assertThat(failed.finished().error()).contains("not a number");
        assertThat(failed.tokens()).isEmpty();
        assertThat(Answer.of(healthy).finished().reason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void aFailedStepFailsItsRequestsAndTheEngineGoesOn() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).failAtStep(3), books);

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
    void everyStepIsInTheBooksToTheNanosecond() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).failAtStep(5), books);
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
        start(pass, new StepObserver() {
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
            assertThat(generation.next(Duration.ofSeconds(5))).isInstanceOf(Token.class);
            assertThat(metered.get()).isGreaterThanOrEqualTo(tokens);
        }
    }

    @Test
    void theMeterClosesARequestAfterItsLastStepAndBeforeItsReaderKnows() throws Exception {
        List<String> order = new ArrayList<>();
        CountDownLatch readerMayKnow = new CountDownLatch(1);
        start(pass, new StepObserver() {
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

        assertThat(generation.next(Duration.ofSeconds(5))).isInstanceOf(Token.class);
        assertThat(generation.next(Duration.ofSeconds(5))).isInstanceOf(Token.class);
        assertThat(generation.next(Duration.ofMillis(50))).isNull();
        readerMayKnow.countDown();
        assertThat(Answer.of(generation).tokens()).isEmpty();
        assertThat(order).containsExactly("step", "step", "finished");
    }

    @Test
    void closingCancelsWhatIsLeftAndTellsTheMeter() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).takes(5_000_000, 0), books);
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
        start(new ScriptedForwardPass(NextToken.letters()).takes(1_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 50));

        assertThat(engine.drain(Duration.ofSeconds(20))).isTrue();
        assertThat(Answer.of(generation).finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(engine.status().draining()).isTrue();
        assertThatExceptionOfType(OverloadException.class)
                .isThrownBy(() -> engine.submit(Requests.of("late", "Hello", 1)));
    }

    @Test
    void drainingCancelsWhatTakesTooLong() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).takes(10_000_000, 0), books);
        Generation generation = engine.submit(Requests.of("a", "Hello", 400));

        assertThat(engine.drain(Duration.ofMillis(30))).isFalse();
        assertThat(Answer.of(generation).finished().reason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void aBrokenMeterStopsTheEngineAndNobodyWaitsForever() throws Exception {
        start(pass, new StepObserver() {
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
        start(new ScriptedForwardPass(NextToken.letters()).takes(200_000, 0), books);
        RecordingObserver otherBooks = new RecordingObserver();
        try (BatchingEngine other = BatchingEngine.start("other",
                new ScriptedForwardPass(NextToken.letters()).takes(200_000, 0), VOCABULARY,
                SETTINGS, lane, otherBooks)) {
            Generation one = engine.submit(Requests.of("one", "Hello", 50));
            Generation two = other.submit(Requests.of("two", "Hello", 50));
            Answer.of(one);
            Answer.of(two);

            assertThat(books.stepNanos() + otherBooks.stepNanos())
                    .isEqualTo(lane.reading().stepNanos());
        }
    }

    @Test
    void statusCountsWhatRunsAndWaits() throws Exception {
        start(new ScriptedForwardPass(NextToken.letters()).takes(20_000_000, 0), books);
        for (int i = 0; i < 12; i++) {
            engine.submit(Requests.of("r" + i, "Hello", 400));
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (engine.status().running() < 8 && System.nanoTime() < deadline) {
            sleepMillis(5);
        }

        EngineStatus status = engine.status();
        assertThat(status.running()).isEqualTo(8);
        assertThat(status.waiting()).isEqualTo(4);
        assertThat(status.usedBlocks()).isBetween(8, 16);
        assertThat(status.totalBlocks()).isEqualTo(1024);
    }

    @Test
    void penaltiesSeeTheWholeHistory() {
        SamplingParameters penalty = new SamplingParameters(1, 0, 1, 0, 7, 1.1f, 0, 0,
                Map.of(5, -1f, 3, 2f));

        var row = new SamplingSettings(penalty).row(new int[]{1, 2, 3, 0, 0}, 3, 2);

        assertThat(row.history()).containsExactly(1, 2, 3);
        assertThat(row.historyPrompt()).isEqualTo(2);
        assertThat(row.biasTokens()).containsExactly(3, 5);
        assertThat(row.biasValues()).containsExactly(2f, -1f);
    }

    private static void sleepMillis(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
