package dev.millrace.server.metering.prices;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class PriceCatalogReaderTest {

    private static final LocalDate TODAY = LocalDate.of(2026, 11, 21);
    private static final String GOOD = """
            {"format": 1, "currency": "USD", "unit": "per million tokens",
             "sources": {"page": {"as_of": "2026-11-01", "url": "https://example.org/prices"}},
             "providers": [{"name": "Some Host", "batch": {"factor": 0.5, "as_of": "2026-11-01",
               "source": "page"}}],
             "models": [{"name": "Some 8B", "maker": "Somebody", "parameters_billion": 8,
               "open_weights": true, "same": ["some-8b"], "offers": [
                 {"provider": "Some Host", "model": "some-8b", "prices": [
                   {"source": "page", "input": 0.2, "output": 0.4, "cached_input": 0.05,
                    "tiers": [{"above_tokens": 1000, "input": 0.4, "output": 0.8}]}]}]}]}""";

    @TempDir
    private Path home;

    @Test
    void everyRequestHasItsPriceByTokensCacheTierAndBatch() {
        HostedPrice price = read(GOOD).match("some-8b-q4_k_m").prices().getFirst();

        assertThat(price.nanoUsd(100, 0, 10, false)).isEqualTo(100 * 200 + 10 * 400);
        assertThat(price.nanoUsd(100, 40, 10, false)).isEqualTo(60 * 200 + 40 * 50 + 10 * 400);
        assertThat(price.nanoUsd(100, 40, 10, true)).isEqualTo(60 * 100 + 40 * 50 + 10 * 200);
        assertThat(price.nanoUsd(1000, 0, 0, false)).isEqualTo(1000 * 200);
        assertThat(price.nanoUsd(1001, 1, 1, false)).as("a tier without a price of its own for"
                + " cached tokens").isEqualTo(1001 * 400 + 800);
        assertThat(price.nanoUsd(0, 0, 0, false)).isZero();
        assertThatIllegalArgumentException().isThrownBy(() -> price.nanoUsd(1, 2, 0, false));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"input\": 0.2 | \"input\": -0.2 | input must be a number from 0",
        "\"input\": 0.2 | \"input\": 99999 | input must be a number from 0",
        "\"input\": 0.2 | \"input\": \"NaN\" | input must be a number, got",
        "\"input\": 0.2, |  | input must be a number, got null",
        "\"source\": \"page\", \"input\" | \"source\": \"hearsay\", \"input\" | a price needs its"
                + " day",
        "2026-11-01\", \"url\" | lately\", \"url\" | as_of must be a day",
        "2026-11-01\", \"url\" | 2026-12-24\", \"url\" | is in the future",
        "\"USD\" | \"EUR\" | currency: must be \"USD\"",
        "per million tokens | per token | unit: must be",
        "\"format\": 1 | \"format\": 2 | format: must be 1",
        "\"maker\" | \"markup\" | the key \"markup\" is not known",
        "\"provider\": \"Some Host\" | \"provider\": \"Other\" | is not in the list providers",
        "0.5 | 1.5 | factor must be a number above 0",
        "\"parameters_billion\": 8 | \"parameters_billion\": 0 | parameters_billion must be",
        "\"above_tokens\": 1000 | \"above_tokens\": 0 | above_tokens must be at least 1",
        "\"open_weights\": true, |  | open_weights must be true or false",
    })
    void whatIsWrongIsRefusedWithItsPlace(String part, String wrong, String reason) {
        String json = GOOD.replace(part, wrong == null ? "" : wrong);
        assertThat(json).isNotEqualTo(GOOD);

        assertThatIllegalArgumentException().isThrownBy(() -> read(json))
                .withMessageContaining(reason);
    }

    @Test
    void allThatIsWrongIsToldAtOnce() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> read(GOOD.replace("0.2", "-1").replace("USD", "GBP")))
                .withMessageContaining("currency: must be")
                .withMessageContaining("models[0] (Some 8B).offers[0].prices[0]: input must be");
    }

    @Test
    void newPricesAreKeptBesideTheOldAndWinFromTheirDayOn() throws Exception {
        PriceFile prices = new PriceFile(home);
        prices.add(read(GOOD));
        prices.add(read(GOOD.replace("2026-11-01\", \"url\"", "2026-11-20\", \"url\"")
                .replace("\"input\": 0.2", "\"input\": 0.1")));

        HostedModel model = prices.catalog(TODAY).model("Some 8B").orElseThrow();
        assertThat(model.offers().getFirst().points()).extracting(PricePoint::input)
                .containsExactly(0.2, 0.1);
        assertThat(model.pricesOn(TODAY)).extracting(HostedPrice::inputUsdPerMillion)
                .containsExactly(0.1);
        assertThat(model.pricesOn(LocalDate.of(2026, 11, 5)))
                .extracting(HostedPrice::inputUsdPerMillion).containsExactly(0.2);
        assertThat(model.pricesOn(LocalDate.of(2026, 10, 1))).isEmpty();
        assertThat(prices.catalog(TODAY).models()).hasSizeGreaterThan(50);
        assertThat(home).isDirectoryNotContaining("glob:**.new");

        Files.writeString(prices.path(), "{");
        assertThatIllegalArgumentException().isThrownBy(() -> prices.catalog(TODAY))
                .withMessageContaining("is not valid JSON");
    }

    private static PriceCatalog read(String json) {
        return new PriceCatalog(PriceCatalogReader.read(new JsonMapper().readTree(json), TODAY),
                TODAY);
    }
}
