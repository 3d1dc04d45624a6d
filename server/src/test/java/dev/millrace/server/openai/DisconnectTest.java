package dev.millrace.server.openai;

import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.FinishReason;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** A client that leaves frees its place: what it no longer reads is no longer computed. */
@Timeout(300)
class DisconnectTest {

    private static final long TOKEN_NANOS = Duration.ofMillis(20).toNanos();
    private static final Duration WATCH = Duration.ofMillis(20);
    /** All 512 tokens of the context would take ten seconds. */
    private static final int FEW_STEPS = 200;

    private LiveServer server = LiveServer.endless(TOKEN_NANOS)
            .limits(Limits.with(Duration.ofSeconds(10), WATCH)).start();

    @AfterEach
    void stop() {
        server.close();
    }

    private void expectCancelled(int generations, int stepsBefore) {
        Awaitility.await().atMost(Duration.ofSeconds(120)).untilAsserted(() -> {
            assertThat(server.meter().finished()).hasSize(generations)
                    .allSatisfy(end -> assertThat(end.reason()).isEqualTo(FinishReason.CANCELLED));
            assertThat(server.engine().status().running()).isZero();
        });
        assertThat(server.pass().steps() - stepsBefore).isLessThan(FEW_STEPS);
        assertThat(server.meter().openAccounts()).isZero();
    }

    @Test
    void leavingAStreamCancelsItsGeneration() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"stream\": true"));
            client.readUntil("\"content\":\"");
        }

        expectCancelled(1, server.pass().steps());
    }

    @Test
    void aResetIsAsGoodAsAClose() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"stream\": true"));
            client.readUntil("\"content\":\"");
            client.reset();
        }

        expectCancelled(1, server.pass().steps());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void leavingBeforeAWholeAnswerIsReadyCancelsItToo(int choices) throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"n\": " + choices));
            Awaitility.await().until(() -> server.engine().status().running() == choices);
        }

        expectCancelled(choices, server.pass().steps());
    }

    @Test
    void leavingWhileQueuedNeverRuns() throws Exception {
        server.close();
        server = LiveServer.endless(TOKEN_NANOS).settings(new EngineSettings(1,
                64, LiveServer.CONTEXT_TOKENS, 8, 4096, true))
                .limits(Limits.with(Duration.ofSeconds(10), WATCH)).start();
        try (RawClient first = new RawClient(server.port())) {
            first.post(Chat.PATH, Chat.body("\"stream\": true"));
            first.readUntil("\"content\":\"");
            try (RawClient second = new RawClient(server.port())) {
                second.post(Chat.PATH, Chat.body("\"stream\": true"));
                Awaitility.await().until(() -> server.engine().status().waiting() == 1);
            }
            Awaitility.await().until(() -> server.meter().finished().size() == 1);

            assertThat(server.meter().finished().getFirst().usage().completionTokens()).isZero();
            assertThat(server.engine().status().running()).isEqualTo(1);
        }
        expectCancelled(2, server.pass().steps());
    }

    @Test
    void aRequestThatIsSentAheadIsNotMistakenForLeaving() throws Exception {
        byte[] again = Chat.body("\"max_tokens\": 3").getBytes();
        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"max_tokens\": 40"));
            Awaitility.await().until(() -> server.engine().status().running() == 1);
            client.post(Chat.PATH, again);

            client.readUntil("\"completion_tokens\":40");
            client.readUntil("\"completion_tokens\":3");
        }
        assertThat(server.meter().finished())
                .allSatisfy(end -> assertThat(end.reason()).isEqualTo(FinishReason.LENGTH));
    }

    @Test
    void aConnectionServesManyRequestsOneAfterTheOther() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            for (int i = 0; i < 5; i++) {
                client.post(Chat.PATH, Chat.body("\"max_tokens\": 12"));
                client.readUntil("\"completion_tokens\":12");
                client.readUntil("}}");
            }
        }
        assertThat(server.meter().finished()).hasSize(5);
    }
}
