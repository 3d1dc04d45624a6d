package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.forward.DeviceLostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** A device that is lost ends everything at once, with one sentence and with books that balance. */
class DeviceLossTest extends RunningEngineTest {

    private static final String WHY = "the GPU 0 is lost; restart the server";

    private static boolean lose() {
        throw new DeviceLostException(WHY, null);
    }

    @Test
    void endsAllRequestsAtOnceAndTakesNoMore() throws Exception {
        CompletableFuture<Void> allSubmitted = new CompletableFuture<>();
        start(letters().failWhen(batch -> {
            allSubmitted.join();
            return batch.rows().size() == 3 && lose();
        }), books);
        List<Generation> generations = IntStream.range(0, 3)
                .mapToObj(i -> engine.submit(Requests.of("r" + i, "Hello", 100))).toList();
        allSubmitted.complete(null);

        for (Generation generation : generations) {
            Answer answer = Answer.of(generation);
            assertThat(answer.finished().reason()).isEqualTo(FinishReason.FAILED);
            assertThat(answer.finished().error()).isEqualTo(WHY);
        }
        assertThat(engine.failure()).hasValue(WHY);
        assertThatExceptionOfType(OverloadException.class)
                .isThrownBy(() -> engine.submit(Requests.of("late", "Hello", 1)))
                .withMessage(WHY)
                .satisfies(refusal -> assertThat(refusal.retryAfter()).isPositive());
        assertThat(engine.drain(Duration.ofMinutes(1))).isTrue();
        engine.close();
    }

    @Test
    void billsTheStepThatFailedToTheRequestsThatWereInIt() throws Exception {
        start(letters().failWhen(batch -> batch.rows().getFirst().computedTokens() > 5 && lose()),
                books);

        Answer answer = Answer.of(engine.submit(Requests.of("first", "Hello", 100)));
        engine.close();

        assertThat(answer.tokens()).hasSizeGreaterThan(0);
        StepRecord last = books.steps().getLast();
        assertThat(last.shares()).extracting(StepShare::requestId).containsExactly("first");
        assertThat(books.steps().stream().mapToLong(StepRecord::deviceNanos).sum())
                .isEqualTo(lane.reading().stepNanos());
        assertThat(books.finished()).extracting(FinishedRequest::requestId)
                .containsExactly("first");
    }

    @Test
    void anEngineThatLivesHasNoFailure() throws Exception {
        start(letters().failAtStep(1), books);

        assertThat(Answer.of(engine.submit(Requests.of("a", "Hello", 10))).finished().error())
                .contains("step failed");
        assertThat(engine.failure()).isEmpty();
    }
}
