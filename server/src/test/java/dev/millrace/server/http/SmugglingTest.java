package dev.millrace.server.http;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.openai.wire.HttpLimits;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

/** Requests that a proxy in front could read otherwise than this server (RFC 9112, section 11). */
@Timeout(300)
class SmugglingTest {

    private static final String JSON = "Content-Type: application/json\r\n";
    /** What would be answered if the first request ended earlier than it should. */
    private static final String HIDDEN = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";
    private static LiveServer server;

    @BeforeAll
    static void start() {
        HttpLimits usual = HttpLimits.DEFAULT;
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("ok")))
                .limits(new HttpLimits(usual.connections(), usual.requests(), usual.headerBytes(),
                        usual.bodyBytes(), usual.bodyTime(), usual.jsonDepth(),
                        usual.jsonValues(), usual.choices(), usual.completionTokens(),
                        Duration.ofSeconds(1), usual.keepAlive(), usual.watch()))
                .start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static String send(String text) throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.sendUntilRefused(text);
            return client.readAll();
        }
    }

    private static String post(String headers, String body) {
        return "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n" + JSON + headers + "\r\n"
                + body;
    }

    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n", "Content-Length: 0x5\r\n", "Content-Length: -1\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length : 5\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding\u000b: chunked\r\n", "X: a\r\n folded\r\nContent-Length: 5\r\n"})
    void aBodyWithoutOneCertainEndIsRefusedAndEndsTheConnection(String headers) throws Exception {
        String answer = send(post(headers, "0\r\n\r\n" + HIDDEN));

        assertThat(answer).startsWith("HTTP/1.1 ").doesNotContain("scripted");
        assertThat(answer.substring(9, 12)).isIn("400", "413", "501");
        assertThat(answer.split("HTTP/1\\.1 ", -1)).as("one answer").hasSize(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Host: localhost\r\nHost: evil.example\r\n",
        "Host: local host\r\n", "Host: localhost, evil.example\r\n", "Host: localhost@evil\r\n",
        "Host : localhost\r\n"})
    void aRequestWithoutOneCertainHostIsRefused(String headers) throws Exception {
        String answer = send("GET /v1/models HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n");

        assertThat(answer.substring(9, 12)).as(answer).isIn("400", "403");
        assertThat(answer).doesNotContain("scripted");
    }

    @Test
    void theHostOfTheRequestLineCountsAsTheHeadersDoes() throws Exception {
        String answer = send("GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n"
                + "Connection: close\r\n\r\n");

        assertThat(answer.substring(9, 12)).as(answer).isIn("400", "403");
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET /v1/models\r\n\r\n", "GET /v1/models HTTP/3.0\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: a\u0000b\r\n\r\n",
        "GET /v1/mo\u0000dels HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"})
    void whatIsNoRequestOfThisProtocolReachesNothing(String text) throws Exception {
        assertThat(send(text)).doesNotContain("HTTP/1.1 200", "scripted");
    }
}
