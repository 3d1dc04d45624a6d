package dev.millrace.server.http;

import dev.millrace.engine.EngineSettings;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.openai.wire.HttpLimits;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** Too many clients, a stop in the middle, and addresses that are not to be had. */
@Timeout(300)
class LoadAndShutdownTest {

    private LiveServer server = LiveServer.saying("ok");

    @AfterEach
    void stop() {
        server.close();
    }

    private void restart(LiveServer.Setup setup) {
        server.close();
        server = setup.start();
    }

    @Test
    void anEngineThatIsFullIsOverloadedAndSaysWhenToComeBack() throws Exception {
        restart(LiveServer.endless(20_000_000).settings(new EngineSettings(1, 64,
                LiveServer.CONTEXT_TOKENS, 1, 4096, true)));
        try (RawClient running = new RawClient(server.port());
                RawClient waiting = new RawClient(server.port())) {
            running.post(Chat.PATH, Chat.body("\"stream\": true")).readUntil("\"content\":\"");
            waiting.post(Chat.PATH, Chat.body("\"stream\": true"));
            Awaitility.await().until(() -> server.engine().status().waiting() == 1);

            HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(Integer.parseInt(response.headers().firstValue("retry-after")
                    .orElseThrow())).isPositive();
            assertThat(LiveServer.json(response.body()).at("/error/code").stringValue())
                    .isEqualTo("overloaded");
            assertThat(server.meter().refused()).hasSize(1);
        }
    }

    @Test
    void whenNotAllChoicesFitNoneIsLeftRunning() throws Exception {
        restart(LiveServer.endless(20_000_000).settings(new EngineSettings(1, 64,
                LiveServer.CONTEXT_TOKENS, 2, 4096, true)));

        assertThat(server.post(Chat.PATH, Chat.body("\"n\": 9")).statusCode()).isEqualTo(503);

        Awaitility.await().untilAsserted(() -> {
            assertThat(server.engine().status().running()).isZero();
            assertThat(server.meter().openAccounts()).isZero();
        });
        assertThat(server.meter().finished().size() + server.meter().refused().size())
                .isEqualTo(server.meter().opened().size());
    }

    @Test
    void moreRequestsThanTheServerHandlesAreTurnedAway() throws Exception {
        HttpLimits usual = HttpLimits.DEFAULT;
        restart(LiveServer.endless(20_000_000).limits(new HttpLimits(64, 1, usual.headerBytes(),
                usual.bodyBytes(), usual.bodyTime(), usual.jsonDepth(), usual.jsonValues(),
                usual.choices(), usual.completionTokens(), usual.idle(), usual.keepAlive(),
                usual.watch())));
        try (RawClient running = new RawClient(server.port())) {
            running.post(Chat.PATH, Chat.body("\"stream\": true")).readUntil("\"content\":\"");

            HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

            assertThat(response.statusCode()).isEqualTo(503);
            assertThat(response.body()).contains("at most 1 requests at once");
            assertThat(server.get("/health").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void clientsThatAllConnectAtOnceAreAllServed() throws Exception {
        int clients = 200;
        restart(LiveServer.endless(0).settings(new EngineSettings(clients, 8192,
                LiveServer.CONTEXT_TOKENS, clients, 1 << 16, true)));
        try (ExecutorService all = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> answers = new ArrayList<>();
            for (int i = 0; i < clients; i++) {
                answers.add(all.submit(() -> {
                    try (RawClient client = new RawClient(server.port())) {
                        return client.post(Chat.PATH,
                                Chat.body("\"stream\": true, \"max_tokens\": 5"))
                                .readUntil("data: [DONE]");
                    }
                }));
            }
            for (Future<String> answer : answers) {
                assertThat(answer.get()).startsWith("HTTP/1.1 200");
            }
        }
    }

    @Test
    void stoppingLetsRunningStreamsFinishAndRefusesNewOnes() throws Exception {
        restart(LiveServer.endless(20_000_000));
        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"stream\": true, \"max_tokens\": 100"))
                    .readUntil("\"content\":\"");

            CompletableFuture<Boolean> stopped = CompletableFuture
                    .supplyAsync(() -> server.server().stop(Duration.ofSeconds(120)));
            Awaitility.await().until(() -> server.engine().status().draining());

            assertThat(server.get("/health").statusCode()).isEqualTo(503);
            assertThat(server.post(Chat.PATH, Chat.body("")).statusCode()).isEqualTo(503);
            client.readUntil("data: [DONE]\n\n");
            assertThat(stopped.get()).isTrue();
        }
        assertThatThrownBy(() -> server.get("/health")).isInstanceOf(IOException.class);
    }

    @Test
    void stoppingDoesNotWaitForeverForALongStream() throws Exception {
        restart(LiveServer.endless(50_000_000));
        try (RawClient client = new RawClient(server.port())) {
            client.post(Chat.PATH, Chat.body("\"stream\": true")).readUntil("\"content\":\"");

            assertThat(server.server().stop(Duration.ofMillis(100))).isFalse();

            assertThat(client.readUntil("}}")).contains("the server is stopping");
        }
        assertThat(server.meter().openAccounts()).isZero();
    }

    @Test
    void aPortInUseIsSaidPlainly() {
        assertThatThrownBy(() -> LiveServer.endless(0).port(server.port()).start())
                .isInstanceOf(ServerStartException.class)
                .hasMessage("port " + server.port() + " of 127.0.0.1 is in use; choose another "
                        + "with --port");
    }

    @ParameterizedTest
    @CsvSource({"no-such-host.invalid,0", "203.0.113.7,0"})
    void anAddressThatIsNotThisMachinesIsSaidPlainly(String host, int port) {
        assertThatThrownBy(() -> LiveServer.endless(0).host(host).port(port).start())
                .isInstanceOf(ServerStartException.class)
                .hasMessageContaining("cannot listen on " + host)
                .hasMessageContaining("--host must name an address of this machine");
    }
}
