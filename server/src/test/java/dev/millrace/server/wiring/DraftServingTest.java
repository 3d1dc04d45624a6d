package dev.millrace.server.wiring;

import dev.millrace.models.Model;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.metering.LedgerReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** A model with a draft model beside it, over HTTP. */
@Timeout(60)
class DraftServingTest {

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Map.of(Setting.PORT, "0",
            Setting.SEQUENCES, "2", Setting.THREADS, "1", Setting.KERNELS, "vector"));

    private ServerConfig config() {
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    private static ModelSource source(Path model, Optional<Path> draft) {
        return new ModelSource("large", model, Optional.empty(), draft);
    }

    private ServingAssembly start(Path model, Optional<Path> draft) {
        return new ServingAssembly(List.of(source(model, draft)), config(),
                folder.resolve("ledger.db"), Duration.ZERO);
    }

    private static JsonNode complete(ServingAssembly server) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            var answer = client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                    + server.port() + "/v1/completions"))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString("""
                            {"model": "large", "prompt": "the hand of", "max_tokens": 64,
                             "temperature": 0.9, "seed": 3}"""))
                    .build(), BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            return JsonMapper.shared().readTree(answer.body());
        }
    }

    @Test
    void answersAreTheSameGuessesAreInTheUsageAndTheBooksBalance() throws Exception {
        Path model = TinyModels.llama().write(folder);
        Path twin = Files.copy(model, folder.resolve("twin.gguf"));
        ServingAssembly plain = start(model, Optional.empty());
        JsonNode expected = complete(plain);
        plain.stop(Duration.ofSeconds(20));

        ServingAssembly server = start(model, Optional.of(twin));
        JsonNode answer;
        try {
            assertThat(server.draft()).isPresent();
            answer = complete(server);
        } finally {
            server.stop(Duration.ofSeconds(20));
        }

        assertThat(answer.at("/choices/0/text")).isEqualTo(expected.at("/choices/0/text"));
        assertThat(answer.at("/usage/completion_tokens_details/accepted_prediction_tokens")
                .asInt()).isPositive();
        try (LedgerReader ledger = LedgerReader.open(folder.resolve("ledger.db"))) {
            assertThat(ledger.summary().balance().balances()).isTrue();
        }
    }

    @Test
    void theMemoryIsForBoth() throws IOException {
        Path model = TinyModels.llama().write(folder);
        Path small = TinyModels.llama().layers(1).write(Files.createDirectory(
                folder.resolve("small")));
        try (ServableModel alone = new ServableModel(source(model, Optional.empty()),
                Model.open(model), config(), false);
                ServableModel both = new ServableModel(source(model, Optional.of(small)),
                        Model.open(model), config(), false)) {
            assertThat(both.need().fixedBytes()).isGreaterThan(alone.need().fixedBytes());
            assertThat(both.need().mostCacheBytes())
                    .isEqualTo(alone.need().mostCacheBytes() * 3 / 2);
        }
    }

    @Test
    void aDraftWithOtherTokensIsRefused() throws IOException {
        Path model = TinyModels.llama().write(folder);
        Path other = TinyModels.llama().vocabularySize(400).write(Files.createDirectory(
                folder.resolve("other")));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> start(model, Optional.of(other)))
                .withMessageContainingAll("has 400 tokens, not 384", "same family");
        flags.put(Setting.KERNELS, "scalar");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> start(model, Optional.of(model)))
                .withMessageContaining("--kernels=native or vector");
    }
}
