package dev.millrace.bench.ready;

import com.sun.net.httpserver.HttpServer;
import dev.millrace.bench.BenchException;
import dev.millrace.bench.Main;
import dev.millrace.bench.peer.CommandTemplate;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

/** Starts of servers; the HTTP side is played by this process, the command is another. */
class ServerStartTest {

    private static final Duration AMPLE = Duration.ofSeconds(30);

    private final HttpClient client = HttpClient.newHttpClient();
    private final AtomicInteger asked = new AtomicInteger();
    private final AtomicReference<String> body = new AtomicReference<>();
    private HttpServer http;

    /** Says no three times before it says yes. */
    @BeforeEach
    void listen() throws IOException {
        http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        http.createContext("/health", exchange -> {
            exchange.sendResponseHeaders(asked.incrementAndGet() > 3 ? 200 : 503, -1);
            exchange.close();
        });
        answer("/v1/models", "{\"data\": [{\"id\": \"a model\"}]}");
        answer("/v1/completions", "{}");
        http.start();
    }

    private void answer(String path, String text) {
        http.createContext(path, exchange -> {
            body.set(new String(exchange.getRequestBody().readAllBytes(),
                    StandardCharsets.UTF_8));
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, bytes.length);
            exchange.getResponseBody().write(bytes);
            exchange.close();
        });
    }

    @AfterEach
    void close() {
        http.stop(0);
        client.close();
    }

    private ServerStart start(String command, Duration limit) throws IOException {
        return new ServerStart(command, http.getAddress().getPort(), limit, client);
    }

    @Test
    void isReadyWhenHealthSaysYesAndThenAsksForOneToken() throws Exception {
        ServerStart server = start("sleep 60", AMPLE);
        try (server) {
            double ready = server.awaitReady();
            assertThat(asked).hasValue(4);
            assertThat(server.firstToken()).isGreaterThan(ready);
            assertThat(body.get()).contains("\"a model\"", "\"max_tokens\":1", "\"prompt\":[5]");
            assertThat(server.readyLine()).isEmpty();
        }
        assertThat(server.isAlive()).isFalse();
    }

    @Test
    void aServerThatEndsIsQuoted() throws Exception {
        asked.set(Integer.MIN_VALUE);
        try (ServerStart server = start("sh -c 'echo no such model; exit 3'", AMPLE)) {
            assertThatThrownBy(server::awaitReady).isInstanceOf(BenchException.class)
                    .hasMessageContaining("status 3").hasMessageContaining("no such model");
        }
    }

    @Test
    void aServerThatIsNeverReadyIsGivenUp() throws Exception {
        asked.set(Integer.MIN_VALUE);
        try (ServerStart server = start("sleep 60", Duration.ofMillis(30))) {
            assertThatThrownBy(server::awaitReady).isInstanceOf(BenchException.class)
                    .hasMessageContaining("--timeout").hasMessageContaining("printed nothing");
        }
    }

    @Test
    void aRefusalIsQuoted() throws Exception {
        http.removeContext("/v1/completions");
        try (ServerStart server = start("sleep 60", AMPLE)) {
            server.awaitReady();
            assertThatThrownBy(server::firstToken).isInstanceOf(BenchException.class)
                    .hasMessageContaining("404");
        }
    }

    @Test
    void understandsWhereOurTimeWent() {
        assertThat(ReadyLine.find("""
                Millrace serves
                  memory   928 MB
                  ready    after 3.9 s: 0.8 s weights and memory, 1.6 s warm-up (billed as \
                overhead), 1.5 s all else
                """)).contains(new ReadyLine(0.8, 1.6));
        assertThat(ReadyLine.find("server is ready after 3 s")).isEmpty();
    }

    @Test
    void placeholdersAreFilledInAndQuoted() {
        assertThat(new CommandTemplate("serve {model} -t {threads} {other}")
                .filled(Map.of("model", "/a b/it's.gguf", "threads", 2)))
                .isEqualTo("serve '/a b/it'\\''s.gguf' -t 2 {other}");
    }

    @Test
    void saysWhichFileIsMissingAndWhichNumberIsWrong() {
        assertThat(errorsOf("ready", "/nowhere/model.gguf"))
                .contains("there is no file /nowhere/model.gguf");
        assertThat(errorsOf("ready", "pom.xml", "--pairs", "0")).contains("--pairs");
    }

    private static String errorsOf(String... arguments) {
        StringWriter errors = new StringWriter();
        CommandLine commands = Main.commandLine().setErr(new PrintWriter(errors));
        assertThat(commands.execute(arguments)).isEqualTo(1);
        return errors.toString();
    }
}
