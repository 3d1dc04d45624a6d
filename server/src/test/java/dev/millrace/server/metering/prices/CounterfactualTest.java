package dev.millrace.server.metering.prices;

import java.time.LocalDate;
import java.util.List;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class CounterfactualTest {

    private final PriceCatalog catalog = PriceCatalog.bundled(LocalDate.of(2026, 11, 21));

    @Test
    void aRequestIsPricedAtTheCheapestTheMiddleAndTheDearestHost() {
        List<Alternative> hosts = Counterfactual.of(catalog).price("llama-3.1-8b-instruct", 1_000,
                200, 100, false);

        assertThat(hosts).hasSize(3).allMatch(Alternative::sameWeights);
        List<HostedPrice> three = catalog.match("llama-3.1-8b-instruct").three();
        for (int i = 0; i < three.size(); i++) {
            assertThat(hosts.get(i).provider()).isEqualTo(three.get(i).provider());
            assertThat(hosts.get(i).nanoUsd()).isEqualTo(three.get(i).nanoUsd(1_000, 200, 100,
                    false));
        }
        assertThat(hosts.getFirst().nanoUsd()).isLessThan(hosts.getLast().nanoUsd());
    }

    @Test
    void aRowOfABatchIsPricedAsHostsPriceBatches() {
        Counterfactual elsewhere = Counterfactual.of(catalog);

        assertThat(elsewhere.price("llama-3.1-8b-instruct", 1_000, 200, 100, true))
                .extracting(Alternative::nanoUsd)
                .isEqualTo(catalog.match("llama-3.1-8b-instruct").three().stream()
                        .map(price -> price.nanoUsd(1_000, 200, 100, true)).toList());
    }

    @Test
    void whatComparesWithNothingHasNoPriceElsewhere() {
        assertThat(Counterfactual.of(catalog).price("stories15M", 1, 0, 1, false)).isEmpty();
        assertThat(Counterfactual.NONE.price("llama-3.1-8b-instruct", 1, 0, 1,
                false)).isEmpty();
    }
}
