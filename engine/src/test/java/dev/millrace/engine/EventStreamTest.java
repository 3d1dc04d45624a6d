package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.Token;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class EventStreamTest {

    private static final Token TOKEN = new Token(1, new byte[0], 0, null);
    private static final Finished FINISHED = new Finished(FinishReason.STOP,
            new TokenUsage(1, 0, 1), new RequestTimings(0, 0, 0), null, null);

    @Test
    void keepsTheOrder() throws Exception {
        EventStream events = new EventStream(1);
        events.publish(TOKEN);
        events.publish(FINISHED);

        assertThat(events.next(Duration.ZERO)).isSameAs(TOKEN);
        assertThat(events.next(Duration.ZERO)).isSameAs(FINISHED);
    }

    @Test
    void holdsNoMoreThanTheRequestMayGenerate() {
        EventStream events = new EventStream(1);
        events.publish(TOKEN);
        events.publish(FINISHED);

        assertThatIllegalStateException().isThrownBy(() -> events.publish(TOKEN))
                .withMessageContaining("more than 2");
    }

    @Test
    void wakesAReaderThatWaits() throws Exception {
        EventStream events = new EventStream(1);
        Thread writer = Thread.ofPlatform().start(() -> {
            try {
                Thread.sleep(30);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            events.publish(TOKEN);
        });

        assertThat(events.next(Duration.ofSeconds(60))).isSameAs(TOKEN);
        writer.join();
    }

    @Test
    void anInterruptedReaderMayComeBack() throws Exception {
        EventStream events = new EventStream(1);
        Thread.currentThread().interrupt();

        assertThatExceptionOfType(InterruptedException.class)
                .isThrownBy(() -> events.next(Duration.ofSeconds(60)));
        events.publish(TOKEN);
        assertThat(events.next(Duration.ZERO)).isSameAs(TOKEN);
    }
}
