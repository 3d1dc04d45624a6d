package dev.millrace.server.cli;

import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.Main;
import dev.millrace.server.metering.LedgerReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** The server as a process of its own: what it prints, and how it ends. */
@DisabledOnOs(OS.WINDOWS)
class ServeProcessIT {

    private static final Pattern ADDRESS = Pattern.compile("serves tiny at (http://\\S+)");
    private static final int START_SECONDS = 300;
    private static final int STOP_SECONDS = 300;

    @TempDir
    Path folder;

    private final List<Process> processes = new ArrayList<>();
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        model = TinyModels.llama().contextTokens(2048).write(folder);
    }

    @AfterEach
    void endWhatIsLeft() {
        processes.forEach(Process::destroyForcibly);
    }

    @Test
    void finishesAStreamBeforeItObeysATerminationSignal() throws Exception {
        Process server = serve("--port", "0");
        String base = awaitAddress(server);
        try (HttpClient client = HttpClient.newHttpClient()) {
            InputStream stream = stream(client, base, 1500);
            assertThat(new String(stream.readNBytes(64), StandardCharsets.UTF_8)).contains("data:");

            server.destroy();

            String rest = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            assertThat(rest).contains("\"finish_reason\":\"length\"", "\"cost\":")
                    .endsWith("data: [DONE]\n\n");
        }
        assertThat(server.waitFor(STOP_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(server.exitValue()).isZero();
        assertThat(errors()).contains("stopping;", "stopped\n");
        try (LedgerReader reader = LedgerReader.open(folder.resolve("home/ledger.db"))) {
            assertThat(reader.summary().requests()).isEqualTo(1);
            assertThat(reader.summary().balance().balances()).isTrue();
        }
    }

    @Test
    void endsAtOnceAtTheSecondSignal() throws Exception {
        Process server = serve("--port", "0", "--drain-seconds", "600");
        String base = awaitAddress(server);
        try (HttpClient client = HttpClient.newHttpClient();
                InputStream stream = stream(client, base, 2000)) {
            assertThat(stream.read()).isNotNegative();
            server.destroy();
            while (!errors().contains("stopping;")) {
                Thread.sleep(10);
            }

            server.destroy();

            assertThat(server.waitFor(STOP_SECONDS, TimeUnit.SECONDS)).isTrue();
            assertThat(server.exitValue()).isEqualTo(128 + 15);
        }
    }

    @Test
    void saysThatThePortIsTakenBeforeItLoadsAnything() throws Exception {
        String base = awaitAddress(serve("--port", "0"));
        int port = URI.create(base).getPort();

        Process second = serve("--port", String.valueOf(port));

        assertThat(second.waitFor(START_SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(second.exitValue()).isEqualTo(1);
        assertThat(errors()).contains("port " + port + " of 127.0.0.1 is in use").contains("--port")
                .doesNotContain("\tat ");
    }

    private Process serve(String... flags) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp", System.getProperty("java.class.path"), Main.class.getName(),
                "serve", model.toString(), "--threads", "1"));
        command.addAll(List.of(flags));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectError(folder.resolve("errors").toFile());
        builder.environment().put("MILLRACE_HOME", folder.resolve("home").toString());
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    /** Reads what the server says until it is ready. */
    private String awaitAddress(Process server) throws IOException {
        BufferedReader out = server.inputReader(StandardCharsets.UTF_8);
        String address = null;
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            Matcher matcher = ADDRESS.matcher(line);
            if (matcher.find()) {
                address = matcher.group(1);
            }
            if (line.contains("curl " + address + "/chat/completions")) {
                return address;
            }
        }
        throw new AssertionError("the server ended before it was ready: " + errors());
    }

    private static InputStream stream(HttpClient client, String base, int tokens)
            throws IOException, InterruptedException {
        HttpResponse<InputStream> response = client.send(
                HttpRequest.newBuilder(URI.create(base + "/completions"))
                        .header("Content-Type", "application/json")
                        .POST(BodyPublishers.ofString("{\"model\": \"tiny\", \"prompt\": \"the\","
                                + " \"stream\": true, \"ignore_eos\": true, \"max_tokens\": "
                                + tokens + ", \"stream_options\": {\"include_usage\": true}}"))
                        .build(),
                BodyHandlers.ofInputStream());
        assertThat(response.statusCode()).isEqualTo(200);
        return response.body();
    }

    private String errors() throws IOException {
        return Files.readString(folder.resolve("errors"));
    }
}
