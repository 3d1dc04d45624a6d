package dev.millrace.server.tracing;

import com.sun.net.httpserver.HttpServer;
import dev.millrace.engine.RequestTimings;
import dev.millrace.engine.TokenUsage;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;

/** Spans as a collector gets them. */
@Timeout(60)
class TraceExporterTest {

    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String PARENT = "00f067aa0ba902b7";
    private static final long START = 1_700_000_000_000_000_000L;

    private final List<JsonNode> received = new CopyOnWriteArrayList<>();
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private HttpServer collector;
    private volatile int status = 200;

    @BeforeEach
    void listen() throws Exception {
        collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                8);
        collector.createContext("/v1/traces", exchange -> {
            try (exchange) {
                received.add(JsonMapper.shared().readTree(exchange.getRequestBody()));
                exchange.sendResponseHeaders(status, -1);
            }
        });
        collector.start();
    }

    @AfterEach
    void stop() {
        collector.stop(0);
    }

    private URI address() {
        return URI.create("http://127.0.0.1:" + collector.getAddress().getPort() + "/v1/traces");
    }

    private TraceExporter exporter() {
        return TraceExporter.start(address(), registry);
    }

    private static TracedGeneration generation(String traceparent, boolean failed) {
        return new TracedGeneration(traceparent, "chat", "m", "chatcmpl-1", 64, 0.5,
                failed ? "failed" : "stop", failed, START, new RequestTimings(10, 30, 100),
                new TokenUsage(7, 4, 3));
    }

    private double count(String name) {
        return registry.counter(name).count();
    }

    private List<JsonNode> spans() {
        return received.stream().flatMap(message -> message
                .at("/resourceSpans/0/scopeSpans/0/spans").valueStream()).toList();
    }

    private static String value(JsonNode span, String key) {
        return span.get("attributes").valueStream()
                .filter(one -> one.get("key").asString().equals(key)).findFirst().orElseThrow()
                .get("value").toString();
    }

    @Test
    void aGenerationIsASpanWithItsPartsInTheCallersTrace() {
        try (TraceExporter exporter = exporter()) {
            exporter.ended(generation("00-" + TRACE + "-" + PARENT + "-01", false));
        }

        List<JsonNode> spans = spans();
        assertThat(spans).extracting(span -> span.get("name").asString())
                .containsExactly("chat m", "queue", "prefill", "decode");
        assertThat(spans).allSatisfy(
                span -> assertThat(span.get("traceId").asString()).isEqualTo(TRACE));
        JsonNode root = spans.getFirst();
        assertThat(root.get("parentSpanId").asString()).isEqualTo(PARENT);
        assertThat(root.get("startTimeUnixNano").asString()).isEqualTo(Long.toString(START));
        assertThat(root.get("endTimeUnixNano").asString()).isEqualTo(Long.toString(START + 100));
        assertThat(spans.get(2).get("parentSpanId")).isEqualTo(root.get("spanId"));
        assertThat(spans.get(2).get("startTimeUnixNano").asString())
                .isEqualTo(Long.toString(START + 10));
        assertThat(spans.get(3).get("startTimeUnixNano").asString())
                .isEqualTo(Long.toString(START + 30));
        assertThat(value(root, "gen_ai.operation.name")).contains("\"chat\"");
        assertThat(value(root, "gen_ai.usage.input_tokens")).isEqualTo("{\"intValue\":\"7\"}");
        assertThat(value(root, "gen_ai.usage.output_tokens")).isEqualTo("{\"intValue\":\"3\"}");
        assertThat(value(root, "gen_ai.response.finish_reasons")).contains("stop");
        assertThat(count("millrace_trace_generations")).isEqualTo(1);
    }

    @Test
    void withoutAUsableHeaderATraceBeginsAndAnUnsampledOneIsLeftOut() {
        try (TraceExporter exporter = exporter()) {
            exporter.ended(generation(null, true));
            exporter.ended(generation("00-" + "0".repeat(32) + "-" + PARENT + "-01", false));
            exporter.ended(generation("00-" + TRACE + "-" + PARENT + "-00", false));
        }

        List<JsonNode> roots = spans().stream()
                .filter(span -> span.get("kind").asInt() == 2).toList();
        assertThat(roots).hasSize(2);
        assertThat(roots).noneMatch(span -> span.has("parentSpanId"));
        assertThat(roots).extracting(span -> span.get("traceId").asString())
                .doesNotHaveDuplicates().allMatch(id -> id.matches("[0-9a-f]{32}"));
        assertThat(roots.getFirst().at("/status/code").asInt()).isEqualTo(2);
        assertThat(value(roots.getFirst(), "error.type")).contains("failed");
    }

    @Test
    void whatTheCollectorDoesNotTakeIsDroppedAndCounted() {
        status = 503;
        try (TraceExporter exporter = exporter()) {
            exporter.ended(generation(null, false));
        }

        assertThat(received).hasSize(1);
        assertThat(count("millrace_trace_generations_dropped")).isEqualTo(1);
        assertThat(count("millrace_trace_generations")).isZero();
    }

    @Test
    void aServerTracesEveryChoiceOfARequest() throws Exception {
        try (LiveServer server = LiveServer.with(new ScriptedForwardPass(NextToken.letters()))
                .traces(address()).start()) {
            HttpRequest plain = server.jsonRequest(Chat.PATH,
                    Chat.body("\"max_tokens\": 5, \"n\": 2"));
            assertThat(server.send(HttpRequest.newBuilder(plain, (name, text) -> true)
                    .header("traceparent", "00-" + TRACE + "-" + PARENT + "-01").build())
                    .statusCode()).isEqualTo(200);
        }

        List<JsonNode> roots = spans().stream()
                .filter(span -> span.get("kind").asInt() == 2).toList();
        assertThat(roots).hasSize(2).allSatisfy(root -> {
            assertThat(root.get("traceId").asString()).isEqualTo(TRACE);
            assertThat(value(root, "gen_ai.usage.output_tokens"))
                    .isEqualTo("{\"intValue\":\"5\"}");
            assertThat(value(root, "gen_ai.request.max_tokens"))
                    .isEqualTo("{\"intValue\":\"5\"}");
            assertThat(Long.parseLong(root.get("endTimeUnixNano").asString()))
                    .isGreaterThan(Long.parseLong(root.get("startTimeUnixNano").asString()));
        });
    }
}
