package dev.millrace.engine.embedding;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.FinishReason;
import dev.millrace.engine.FinishedRequest;
import dev.millrace.engine.OverloadException;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.embedding.EmbeddingEngine.Submitted;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.ScriptedEncoder;
import dev.millrace.models.text.EncoderInput;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class EmbeddingEngineTest {

    private final ScriptedEncoder encoder = new ScriptedEncoder();
    private final RecordingObserver observer = new RecordingObserver();
    private final DeviceLane lane = new DeviceLane();
    private final EmbeddingEngine engine = EmbeddingEngine.start("test", encoder,
            new EmbeddingSettings(10, 20, 4, 60), lane, observer);

    @AfterEach
    void close() {
        encoder.allow(1000);
        engine.close();
    }

    private Submitted submit(String id, int... lengths) {
        return engine.submit(new EmbeddingRequest(id,
                Arrays.stream(lengths).mapToObj(EmbeddingEngineTest::text)
                        .toList()));
    }

    private static EncoderInput text(int length) {
        return EncoderInput.of(IntStream.range(0, length).toArray());
    }

    private static EmbeddingResult get(Submitted submitted) throws Exception {
        return submitted.result().get(120, TimeUnit.SECONDS);
    }

    @Test
    void everyTextGetsTheVectorThatItGetsAlone() throws Exception {
        float[][] vectors = get(submit("a", 3, 12, 5, 1)).vectors();

        assertThat(vectors).hasDimensions(4, ScriptedEncoder.DIMENSIONS);
        for (int i = 0; i < 4; i++) {
            int length = new int[]{3, 12, 5, 1}[i];
            assertThat(vectors[i])
                    .isEqualTo(new ScriptedEncoder().encode(List.of(text(length)))[0]);
        }
    }

    @Test
    void stepsKeepTheirSizeAndALongTextGoesAlone() throws Exception {
        get(submit("a", 4, 4, 4, 15, 2));

        assertThat(encoder.steps()).containsExactly(List.of(4, 4), List.of(4), List.of(15),
                List.of(2));
    }

    @Test
    void requestsTakeTurns() throws Exception {
        encoder.held();
        Submitted first = submit("first", 9); // is on the device while the others come
        while (encoder.steps().isEmpty() && engine.liveRequests() == 0) {
            Thread.onSpinWait();
        }
        Submitted large = submit("large", 4, 4, 4, 4);
        Submitted small = submit("small", 3);
        encoder.allow(1000);
        get(first);
        get(large);
        get(small);

        assertThat(observer.finished()).extracting(FinishedRequest::requestId)
                .containsExactly("first", "small", "large");
    }

    @Test
    void theObserverHearsOfEveryNanosecondAndToken() throws Exception {
        get(submit("a", 4, 4));
        get(submit("b", 3));

        assertThat(observer.stepNanos()).isEqualTo(lane.reading().stepNanos());
        assertThat(observer.steps().getFirst().shares())
                .containsExactly(new StepShare("a", 8, 0, 0, 32));
        assertThat(observer.finished()).extracting(end -> end.usage().promptTokens())
                .containsExactly(8, 3);
        assertThat(observer.finished()).extracting(FinishedRequest::reason)
                .containsOnly(FinishReason.STOP);
    }

    @Test
    void aFailedStepEndsItsRequestsAndNoOthers() throws Exception {
        encoder.failingOn(text -> text.length == 7);
        assertThat(get(submit("bad", 7)).finished().reason()).isEqualTo(FinishReason.FAILED);
        encoder.failingOn(text -> false).poisonedBy(text -> text.length == 6);
        EmbeddingResult poisoned = get(submit("poisoned", 6, 1));

        assertThat(poisoned.finished().reason()).isEqualTo(FinishReason.FAILED);
        assertThat(poisoned.vectors()).isNull();
        assertThat(get(submit("good", 3)).finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(observer.finished()).hasSize(3);
    }

    @Test
    void aCancelledRequestEndsWithinAStepAndPaysForWhatItUsed() throws Exception {
        encoder.held();
        Submitted submitted = submit("a", 9, 9, 9);
        submitted.cancel().run();
        encoder.allow(1);

        FinishedRequest end = get(submitted).finished();
        assertThat(end.reason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(end.usage().promptTokens()).isLessThanOrEqualTo(9);
        assertThat(engine.liveRequests()).isZero();
    }

    @Test
    void whatIsTooMuchIsRefused() {
        encoder.held();
        assertThatIllegalArgumentException().isThrownBy(() -> submit("long", 21))
                .withMessageContaining("21 tokens").withMessageContaining("takes 20");
        assertThatIllegalArgumentException().isThrownBy(() -> submit("much", 20, 20, 20, 1))
                .withMessageContaining("61 tokens together").withMessageContaining("at most 60");
        submit("a", 20);
        submit("b", 20);
        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit("c", 20, 1))
                .withMessageContaining("40 tokens wait");
        submit("d", 1);
        submit("e", 1);
        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit("f", 1))
                .withMessageContaining("4 requests");
    }

    @Test
    void drainingLetsRequestsFinishAndTakesNoMore() throws Exception {
        Submitted last = submit("last", 5, 5, 5);

        assertThat(engine.drain(Duration.ofMinutes(2))).isTrue();

        assertThat(get(last).finished().reason()).isEqualTo(FinishReason.STOP);
        assertThatExceptionOfType(OverloadException.class).isThrownBy(() -> submit("late", 1))
                .withMessageContaining("stopping");
    }

    @Test
    void closingEndsWhatIsLeft() throws Exception {
        encoder.held();
        Submitted running = submit("running", 5, 9);
        Submitted waiting = submit("waiting", 5);
        Thread closer = Thread.ofVirtual().start(engine::close);
        encoder.allow(1000);
        closer.join();

        assertThat(List.of(get(running), get(waiting))).extracting(end -> end.finished().reason())
                .doesNotContain(FinishReason.FAILED);
        assertThat(observer.finished()).hasSize(2);
    }
}
