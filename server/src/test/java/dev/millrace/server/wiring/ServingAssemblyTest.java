package dev.millrace.server.wiring;

import dev.millrace.models.ModelException;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.http.ServerStartException;
import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class ServingAssemblyTest {

    private static final Duration DRAIN = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        model = TinyModels.llama().write(folder);
        flags.put(Setting.PORT, "0");
        flags.put(Setting.SEQUENCES, "2");
        flags.put(Setting.THREADS, "1");
    }

    @Test
    void answersWithAPriceAndLeavesBooksThatBalance() throws Exception {
        ServingAssembly server = start(model);
        JsonNode answer;
        String metrics;
        try (HttpClient client = HttpClient.newHttpClient()) {
            answer = JsonMapper.shared().readTree(post(client, server.port(),
                    "{\"model\": \"tiny\", \"prompt\": \"the hand\", \"max_tokens\": 5}"));
            metrics = client.send(HttpRequest.newBuilder(uri(server.port(), "/metrics")).build(),
                    BodyHandlers.ofString()).body();
        }

        assertThat(server.stop(DRAIN)).isTrue();

        assertThat(answer.at("/usage/cost").doubleValue()).isPositive();
        assertThat(answer.at("/usage/cost_details/assumed").booleanValue()).isTrue();
        assertThat(metrics).contains("millrace_device_seconds_total{state=\"overhead\"}",
                "millrace_rate_usd_per_hour{assumed=\"true\"}",
                "millrace_device_memory_bytes{model_name=\"tiny\",part=\"cache\"}");
        Set<String> unknown = new TreeSet<>(namesInGrafana());
        for (String line : metrics.lines().toList()) {
            unknown.remove(line.split("[{ ]", 2)[0]);
        }
        // counted only where energy is measured, and of models that hosts have
        assertThat(unknown).isSubsetOf("millrace_energy_joules_total",
                "millrace_elsewhere_usd_total");
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            LedgerSummary summary = reader.summary();
            assertThat(summary.requests()).isEqualTo(1);
            assertThat(summary.balance().balances()).isTrue();
        }
    }

    @Test
    void freesEverythingWhenItStops() {
        for (int round = 0; round < 2; round++) {
            assertThat(start(model).stop(DRAIN)).isTrue(); // or the ledger would still be locked
        }
    }

    @Test
    void freesEverythingWhenItCannotStart() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            flags.put(Setting.PORT, String.valueOf(taken.getLocalPort()));
            assertThatExceptionOfType(ServerStartException.class).isThrownBy(() -> start(model))
                    .withMessageContaining("--port");
            assertThatExceptionOfType(ServerStartException.class)
                    .isThrownBy(() -> ServingAssembly.requireStartable(config()))
                    .withMessageContaining("of 127.0.0.1 is in use");
        }
        flags.put(Setting.PORT, "0");

        assertThat(start(model).stop(DRAIN)).isTrue();
    }

    @Test
    void refusesASecondServerOnOneLedger() {
        ServingAssembly first = start(model);
        try {
            assertThatExceptionOfType(LedgerException.class).isThrownBy(() -> start(model));
        } finally {
            first.stop(DRAIN);
        }
    }

    @Test
    void refusesToServeAModelWithoutATokenizer() {
        Path idsOnly = TinyModels.llama().withoutVocabulary().write(folder);

        assertThatExceptionOfType(ModelException.class).isThrownBy(() -> start(idsOnly))
                .withMessageContaining("no tokenizer");
    }

    /** The metrics that the dashboard for Grafana asks for. */
    private static Set<String> namesInGrafana() throws IOException {
        Set<String> names = new TreeSet<>();
        for (JsonNode query : JsonMapper.shared().readTree(Files.readString(Path.of("..",
                "deploy/grafana/millrace.json"))).findValues("expr")) {
            Pattern.compile("(millrace_|vllm:)\\w+").matcher(query.stringValue()).results()
                    .forEach(match -> names.add(match.group()));
        }
        assertThat(names).hasSizeGreaterThan(10);
        return names;
    }

    private ServingAssembly start(Path file) {
        return new ServingAssembly("tiny", file, Optional.empty(), config(),
                folder.resolve("ledger.db"),
                Duration.ZERO);
    }

    private ServerConfig config() {
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    private static URI uri(int port, String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    private static String post(HttpClient client, int port, String body) throws Exception {
        HttpResponse<String> response = client.send(
                HttpRequest.newBuilder(uri(port, "/v1/completions"))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString(body)).build(),
                BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }
}
