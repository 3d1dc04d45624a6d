package dev.millrace.server.metering;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class PriceCatalogTest {

    private final PriceCatalog catalog = PriceCatalog.bundled();

    @ParameterizedTest
    @CsvSource({
        "Llama-3.1-8B-Instruct-Q4_K_M, true, Llama 3.1 8B Instruct",
        "meta-llama/Meta-Llama-3.1-8B-Instruct, true, Llama 3.1 8B Instruct",
        "mistral-7b-instruct-v0.3.Q8_0.gguf, true, Mistral 7B Instruct v0.3",
        "mistral-7b-instruct-v0.1, false, Mistral 7B Instruct v0.3",
        "tinyllama, false, Llama 3.2 1B Instruct",
        "TinyLlama-1.1B-Chat-v1.0, false, Llama 3.2 1B Instruct",
        "DeepSeek-R1-Distill-Llama-8B, false, Llama 3.1 8B Instruct",
        "qwen2.5-0.5b-instruct, false, Llama 3.2 1B Instruct",
        "stories15M, false,",
        "llama-3.1-405b, false,",
    })
    void aServedModelComparesWithTheSameModelOrElseTheNearest(String served, boolean same,
            String hosted) {
        PriceCatalog.Match match = catalog.match(served);

        assertThat(match.same()).isEqualTo(same);
        assertThat(match.model()).isEqualTo(hosted);
        assertThat(match.three()).hasSize(hosted == null ? 0 : 3);
    }

    @Test
    void theThreePricesAreTheCheapestTheMiddleAndTheDearest() {
        PriceCatalog.Match match = catalog.match("llama-3.1-8b-instruct");

        assertThat(match.prices()).hasSizeGreaterThan(5)
                .isSortedAccordingTo((a, b) -> Double.compare(a.blendedUsdPerMillion(),
                        b.blendedUsdPerMillion()));
        assertThat(match.three()).first().isEqualTo(match.prices().getFirst());
        assertThat(match.three()).last().isEqualTo(match.prices().getLast());
        assertThat(match.three()).allSatisfy(price -> {
            assertThat(price.asOf()).isEqualTo("2026-09-22");
            assertThat(price.source()).contains("models.dev");
        });
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'as_of': '2026-01-01', 'models': [{'prices': [{'input': -1, 'output': 1}]}]}",
        "{'as_of': '2026-01-01', 'models': [{'prices': [{'input': 1}]}]}",
        "{'as_of': 'lately', 'models': [{'prices': [{'input': 1, 'output': 1}]}]}",
        "{'models': [{'prices': [{'input': 1, 'output': 1}]}]}",
    }, quoteCharacter = '`')
    void pricesWithoutANumberOrADateAreRefused(String json) {
        JsonNode tree = new JsonMapper().readTree(json.replace('\'', '"'));

        assertThatIllegalArgumentException().isThrownBy(() -> PriceCatalog.parse(tree));
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void everyPriceIsAsItsSourceHasIt() throws Exception {
        JsonNode source = new JsonMapper().readTree(Files.readString(Path.of(
                System.getenv("MILLRACE_TEST_DATA"), "prices", "models_dev_2026-09-22.json")));
        int checked = 0;
        for (String served : new String[]{"llama-3.2-1b-instruct", "llama-3.2-3b-instruct",
            "gemma-3-4b-it", "mistral-7b-instruct-v0.3", "qwen2.5-7b-instruct",
            "llama-3.1-8b-instruct", "qwen3-8b"}) {
            for (HostedPrice price : catalog.match(served).prices()) {
                JsonNode original = find(source, price);
                assertThat(price.inputUsdPerMillion()).isCloseTo(original.get("input")
                        .doubleValue(), within(1e-9));
                assertThat(price.outputUsdPerMillion()).isCloseTo(original.get("output")
                        .doubleValue(), within(1e-9));
                checked++;
            }
        }
        assertThat(checked).isGreaterThan(30);
    }

    private static JsonNode find(JsonNode source, HostedPrice price) {
        for (JsonNode provider : source.get("providers")) {
            if (provider.get("name").stringValue().equals(price.provider())
                    && provider.get("models").has(price.model())) {
                return provider.get("models").get(price.model());
            }
        }
        throw new AssertionError(price + " is not in the source");
    }
}
