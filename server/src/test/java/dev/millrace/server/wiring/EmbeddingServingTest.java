package dev.millrace.server.wiring;

import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.metering.LedgerReader;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

/** A real encoder beside a real model: one device, one ledger, and books that balance. */
class EmbeddingServingTest {

    private static final String TOKENIZER = """
            {"normalizer": {"type": "BertNormalizer", "lowercase": true},
             "pre_tokenizer": {"type": "BertPreTokenizer"},
             "decoder": {"type": "WordPiece", "prefix": "##"},
             "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 4], "sep": ["[SEP]", 5]},
             "added_tokens": [{"id": 3, "content": "[UNK]", "special": true},
                              {"id": 4, "content": "[CLS]", "special": true},
                              {"id": 5, "content": "[SEP]", "special": true}],
             "model": {"type": "WordPiece", "unk_token": "[UNK]",
                       "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                       "vocab": {"mill": 0, "race": 1, "##race": 2, "[UNK]": 3, "[CLS]": 4,
                                 "[SEP]": 5}}}""";

    @TempDir
    Path folder;

    private Path encoder;

    @BeforeEach
    void writeEncoder() throws IOException {
        encoder = Files.createDirectory(folder.resolve("bert"));
        for (String name : List.of("config.json", "model.safetensors")) {
            try (InputStream content = getClass().getResourceAsStream("/tiny-bert/" + name)) {
                Files.copy(content, encoder.resolve(name));
            }
        }
        Files.writeString(encoder.resolve("tokenizer.json"), TOKENIZER);
    }

    private ServingAssembly start(ModelSource... sources) {
        ServerConfig config = ServerConfig.load(Map.of(), folder, Optional.empty(),
                Map.of(Setting.PORT, "0", Setting.SEQUENCES, "2", Setting.THREADS, "1"));
        return new ServingAssembly(List.of(sources), config, folder.resolve("ledger.db"),
                Duration.ZERO);
    }

    private ModelSource encoder() {
        return new ModelSource("bert", encoder, Optional.empty());
    }

    private static JsonNode embed(ServingAssembly server, String input) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return JsonMapper.shared().readTree(client.send(HttpRequest
                    .newBuilder(URI.create("http://127.0.0.1:" + server.port()
                            + "/v1/embeddings"))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(
                            "{\"model\": \"bert\", \"input\": " + input + "}"))
                    .build(), BodyHandlers.ofString()).body());
        }
    }

    @Test
    void embedsBesideAModelAndIsOnTheSameBooks() throws Exception {
        ServingAssembly server = start(
                new ModelSource("tiny", TinyModels.llama().write(folder), Optional.empty()),
                encoder());
        JsonNode both = embed(server, "[\"millrace\", \"race\"]");
        JsonNode alone = embed(server, "\"race\"");
        assertThat(server.stop(Duration.ofSeconds(20))).isTrue();

        assertThat(both.at("/data/0/embedding")).hasSize(24);
        assertThat(both.at("/data/1/embedding")).isEqualTo(alone.at("/data/0/embedding"));
        assertThat(both.at("/usage/prompt_tokens").intValue()).isEqualTo(7);
        assertThat(both.at("/usage/cost").doubleValue()).isPositive();
        try (LedgerReader reader = LedgerReader.open(server.ledger())) {
            assertThat(reader.summary().requests()).isEqualTo(2);
            assertThat(reader.summary().balance().balances()).isTrue();
        }
    }

    @Test
    void servesWithoutAModelThatGenerates() throws Exception {
        ServingAssembly server = start(encoder());

        assertThat(embed(server, "\"mill\"").at("/data/0/embedding")).hasSize(24);
        assertThat(server.loaded()).isEmpty();
        assertThat(server.id()).isEqualTo("bert");
        assertThat(server.stop(Duration.ofSeconds(20))).isTrue();
    }
}
