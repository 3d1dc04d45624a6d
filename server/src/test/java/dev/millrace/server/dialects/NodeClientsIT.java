package dev.millrace.server.dialects;

import dev.millrace.engine.FinishReason;
import dev.millrace.server.fixtures.ClientsServer;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.NodeClient;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.tenants.SpentKey;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

/** OpenAI's, Anthropic's, Ollama's and Vercel's clients for Node work unchanged. */
class NodeClientsIT {

    private static final List<String> NAMES = List.of("openai", "responses",
            "anthropic", "ollama", "ai");
    private static final List<String> CHECKS = List.of("chat", "streaming", "tools",
            "structured output", "embeddings", "errors", "cancellation", "retries");
    /** What these clients have no words for. */
    private static final List<String> UNKNOWN = List.of("anthropic: embeddings",
            "ollama: retries", "responses: embeddings", "responses: retries");
    private static final NodeClient CLIENTS = new NodeClient("clients");

    @TempDir
    Path folder;

    @BeforeAll
    static void install() throws Exception {
        Assumptions.assumeTrue(NodeClient.isPossible(), "node and npm are on the path");
        CLIENTS.install();
    }

    @Test
    void openAisClientLeavesFilesAndRunsBatches() {
        try (TestStorage storage = new TestStorage(folder);
                LiveServer server = ClientsServer.start(storage.storage())) {
            NodeClient.Output output = CLIENTS.run("clients.mjs", new JsonMapper()
                    .writeValueAsString(ClientsServer.describe(server)), "batches");

            assertThat(output.exitCode()).as(output.text()).isZero();
            assertThat(output.text().lines()).filteredOn(line -> line.startsWith("ok batches: "))
                    .hasSize(4);
            assertThat(server.meter().openAccounts()).isZero();
        }
    }

    @Test
    void theClientsWorkUnchanged() {
        Map<String, SpentKey> keys = Map.of("openai", new SpentKey(), "anthropic", new SpentKey(),
                "ai", new SpentKey());
        List<LiveServer> limiting = new ArrayList<>();
        try (TestStorage storage = new TestStorage(folder);
                LiveServer server = ClientsServer.start(storage.storage())) {
            ObjectNode description = ClientsServer.describe(server);
            ObjectNode limited = description.putObject("limited");
            keys.forEach((name, key) -> {
                limiting.add(ClientsServer.start(key));
                limited.putObject(name).put("key", key.secret())
                        .put("url", limiting.getLast().uri("").toString());
            });
            List<String> arguments = new ArrayList<>(NAMES);
            arguments.addFirst(new JsonMapper().writeValueAsString(description));

            NodeClient.Output output = CLIENTS.run("clients.mjs",
                    arguments.toArray(String[]::new));

            assertThat(output.exitCode()).as(output.text()).isZero();
            List<String> expected = NAMES.stream().flatMap(name -> CHECKS.stream()
                    .map(check -> name + ": " + check)).filter(check -> !UNKNOWN.contains(check))
                    .map(check -> "ok " + check).toList();
            assertThat(output.text().lines()).containsAll(expected);
            Awaitility.await().untilAsserted(() -> assertThat(server.meter().finished())
                    .filteredOn(request -> request.reason() == FinishReason.CANCELLED)
                    .hasSize(NAMES.size()));
            assertThat(server.engine().status().running()).isZero();
            assertThat(server.meter().openAccounts()).isZero();
        } finally {
            limiting.forEach(LiveServer::close);
        }
    }
}
