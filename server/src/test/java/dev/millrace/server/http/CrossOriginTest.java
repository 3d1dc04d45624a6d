package dev.millrace.server.http;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Pages of other hosts, and the port for metrics. */
class CrossOriginTest {

    private LiveServer server;

    @AfterEach
    void stop() {
        server.close();
    }

    private void start(String... origins) {
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("ok")))
                .corsOrigins(List.of(origins)).metricsPort(OptionalInt.of(0)).start();
    }

    /** Sent by hand, since Java's own client does not let its users say where they are from. */
    private String ask(int port, String method, String path, String headers) throws Exception {
        try (RawClient client = new RawClient(port)) {
            client.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n"
                    + "Connection: close\r\n" + headers + "\r\n");
            return client.readAll();
        }
    }

    @Test
    void aPageThatIsNamedMayAskAndRead() throws Exception {
        start("https://app.example");

        String preflight = ask(server.port(), "OPTIONS", Chat.PATH,
                "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n"
                        + "Access-Control-Request-Headers: authorization,content-type\r\n");
        String answer = ask(server.port(), "GET", "/v1/models",
                "Origin: https://app.example\r\n");

        assertThat(preflight).startsWith("HTTP/1.1 204").contains(
                "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Allow-Headers: authorization,content-type",
                "Access-Control-Allow-Methods: GET, POST, DELETE", "Vary: Origin");
        assertThat(answer).startsWith("HTTP/1.1 200").contains(
                "Access-Control-Allow-Origin: https://app.example",
                "Access-Control-Expose-Headers: x-request-id");
    }

    @Test
    void otherPagesMayNot() throws Exception {
        start("https://app.example");

        String preflight = ask(server.port(), "OPTIONS", Chat.PATH,
                "Origin: https://app.example.evil.example\r\n"
                        + "Access-Control-Request-Method: POST\r\n");

        assertThat(preflight).startsWith("HTTP/1.1 403").doesNotContain("Access-Control-Allow");
    }

    @Test
    void allPagesAreNotMeantWhereNoKeyProtectsTheServer() throws Exception {
        start("*");

        assertThat(ask(server.port(), "GET", "/v1/models", "Origin: https://evil.example\r\n"))
                .startsWith("HTTP/1.1 403");
    }

    @Test
    void thePortForMetricsAnswersNothingElse() throws Exception {
        start();
        int port = server.server().metricsPort();

        assertThat(ask(port, "GET", "/metrics", "")).contains("vllm:num_requests_running");
        assertThat(ask(port, "GET", "/health", "")).startsWith("HTTP/1.1 200");
        assertThat(ask(port, "GET", "/v1/models", "")).startsWith("HTTP/1.1 403");
        assertThat(ask(port, "GET", "/nothing", "")).startsWith("HTTP/1.1 404");
    }
}
