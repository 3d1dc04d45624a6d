package dev.millrace.server.metering.prices;

import dev.millrace.server.metering.prices.HostedModel.Offer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class PriceCatalogTest {

    private static final LocalDate TODAY = LocalDate.of(2026, 11, 21);

    private final PriceCatalog catalog = PriceCatalog.bundled(TODAY);

    @ParameterizedTest
    @CsvSource({
        "Llama-3.1-8B-Instruct-Q4_K_M, true, Llama 3.1 8B Instruct",
        "meta-llama/Meta-Llama-3.1-8B-Instruct, true, Llama 3.1 8B Instruct",
        "llama3.1-8b, true, Llama 3.1 8B Instruct",
        "mistral-7b-instruct-v0.3.Q8_0.gguf, true, Mistral 7B Instruct v0.3",
        "mistral-7b-instruct-v0.1, false, Mistral 7B Instruct v0.3",
        "Qwen3-30B-A3B-Instruct-2507-UD-Q4_K_XL, true, Qwen3 30B A3B Instruct 2507",
        "Qwen3-30B-A3B-GPTQ-Int4, true, Qwen3 30B A3B",
        "phi-4, true, Phi-4",
        "phi-4-mini-instruct, false,",
        "gemma-3-4b-it-abliterated, false, Gemma 3 4B Instruct",
        "tinyllama, false, Llama 3.2 1B Instruct",
        "TinyLlama-1.1B-Chat-v1.0, false, Llama 3.2 1B Instruct",
        "DeepSeek-R1-Distill-Llama-8B, false, Llama 3.1 8B Instruct",
        "qwen2.5-0.5b-instruct, false, Llama 3.2 1B Instruct",
        "stories15M, false,",
        "some-9000b, false,",
    })
    void aServedModelComparesWithTheSameModelOrElseTheNearest(String served, boolean same,
            String hosted) {
        PriceCatalog.Match match = catalog.match(served);

        assertThat(match.model()).isEqualTo(hosted);
        assertThat(match.same()).isEqualTo(same);
        assertThat(match.prices().isEmpty()).isEqualTo(hosted == null);
    }

    @Test
    void theThreePricesAreTheCheapestTheMiddleAndTheDearest() {
        PriceCatalog.Match match = catalog.match("llama-3.1-8b-instruct");

        assertThat(match.prices()).hasSizeGreaterThan(20)
                .isSortedAccordingTo((a, b) -> Double.compare(a.blendedUsdPerMillion(),
                        b.blendedUsdPerMillion()));
        assertThat(match.three()).hasSize(3).first().isEqualTo(match.prices().getFirst());
        assertThat(match.three()).last().isEqualTo(match.prices().getLast());
    }

    @Test
    void manyProvidersAndTheHistoryOfTheirPricesComeWithTheProgram() {
        assertThat(catalog.providers()).hasSizeGreaterThan(100)
                .contains("Amazon Bedrock", "Groq", "OpenAI", "Together AI");
        HostedModel sonnet = catalog.model("Claude Sonnet 4.6").orElseThrow();
        assertThat(sonnet.openWeights()).isFalse();
        Offer offer = sonnet.offers().getFirst();
        assertThat(offer.points()).hasSizeGreaterThan(1)
                .isSortedAccordingTo((a, b) -> a.asOf().compareTo(b.asOf()));
        HostedPrice before = offer.on(LocalDate.of(2026, 3, 12)).orElseThrow();
        HostedPrice after = offer.on(TODAY).orElseThrow();
        assertThat(before.nanoUsd(300_000, 0, 0, false)).as("longer prompts cost more then")
                .isEqualTo(2 * after.nanoUsd(300_000, 0, 0, false));
        assertThat(after.nanoUsd(1000, 0, 100, true)).as("in a batch")
                .isEqualTo(after.nanoUsd(1000, 0, 100, false) / 2);
    }

    @Test
    void offersAreFoundByNameAndOldPricesAreCalledOld() {
        assertThat(catalog.named("Groq/llama-3.1-8b-instant")).singleElement()
                .extracting(HostedPrice::provider).isEqualTo("Groq");
        List<HostedPrice> all = catalog.named("llama 3.1 8b instruct");
        assertThat(all).hasSizeGreaterThan(20);
        assertThatIllegalArgumentException().isThrownBy(() -> catalog.named("Lama 3.1 8B Instruct"))
                .withMessageContaining("did you mean \"Llama 3.1 8B Instruct");

        assertThat(PriceCatalog.bundled(LocalDate.of(2026, 10, 1)).staleness(all)).isEmpty();
        assertThat(catalog.staleness(all)).hasValueSatisfying(warning -> assertThat(warning)
                .contains("92 days ago (2026-08-21)"));
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void everyPriceIsAsItsSourceHasIt() throws Exception {
        Path folder = Path.of(System.getenv("MILLRACE_TEST_DATA"), "prices");
        JsonNode lists = new JsonMapper().readTree(Files.readString(folder.resolve(
                "models_dev_2026-09-22.json"))).get("providers");
        Set<List<Double>> others = pairs(new JsonMapper().readTree(Files.readString(
                folder.resolve("genai-prices_v2_2026-08-21.json"))));
        int checked = 0;
        for (HostedModel model : catalog.models()) {
            for (Offer offer : model.offers()) {
                for (PricePoint point : offer.points()) {
                    if (point.source().startsWith("models.dev")) {
                        assertThat(prices(lists, offer)).as("%s", offer).anySatisfy(
                                price -> requireSame(point, price));
                        checked++;
                    } else {
                        assertThat(others).as("%s", offer)
                                .contains(List.of(point.input(), point.output()));
                        checked++;
                    }
                }
            }
        }
        assertThat(checked).isGreaterThan(600);
    }

    private static void requireSame(PricePoint point, JsonNode price) {
        assertThat(point.input()).isCloseTo(price.get("input").doubleValue(), within(1e-6));
        assertThat(point.output()).isCloseTo(price.get("output").doubleValue(), within(1e-6));
        if (!Double.isNaN(point.cachedInput())) {
            assertThat(point.cachedInput()).isCloseTo(price.get("cache_read").doubleValue(),
                    within(1e-6));
        }
    }

    /** Every pair of an input and an output price in the second list. */
    private static Set<List<Double>> pairs(JsonNode providers) {
        Set<List<Double>> pairs = new HashSet<>();
        for (JsonNode prices : providers.findValues("prices")) {
            for (JsonNode one : prices.isArray() ? prices : List.of(prices)) {
                JsonNode price = one.path("prices").isObject() ? one.get("prices") : one;
                pairs.add(List.of(base(price.path("input_mtok")),
                        base(price.path("output_mtok"))));
            }
        }
        return pairs;
    }

    private static double base(JsonNode price) {
        return (price.isObject() ? price.get("base") : price).asDouble(-1);
    }

    private static List<JsonNode> prices(JsonNode lists, Offer offer) {
        List<JsonNode> prices = new ArrayList<>();
        for (JsonNode provider : lists) {
            if (provider.get("name").stringValue().equals(offer.provider().name())
                    && provider.get("models").has(offer.model())) {
                prices.add(provider.get("models").get(offer.model()));
            }
        }
        return prices;
    }
}
