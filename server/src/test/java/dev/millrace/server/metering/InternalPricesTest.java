package dev.millrace.server.metering;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class InternalPricesTest {

    private static InternalPrices prices(String section) {
        return InternalPrices.configured(new JsonMapper().readTree(section.replace('\'', '"')),
                InternalPrices.ONE);
    }

    @Test
    void theSectionSaysHowOftenTheCostIsCharged() {
        assertThat(InternalPrices.configured(null, InternalPrices.ONE))
                .isEqualTo(InternalPrices.AT_COST);
        assertThat(prices("{}")).isEqualTo(InternalPrices.AT_COST);
        InternalPrices prices = prices("{'internal_prices': {'flex': 0.5, 'priority': 2}}");
        assertThat(prices).isEqualTo(new InternalPrices(500_000, 1_000_000, 2_000_000, 1_000_000));
        assertThat(prices.ppmOf("flex")).isEqualTo(500_000);
        InternalPrices halved = InternalPrices.configured(null, 500_000);
        assertThat(halved.ppmOf(MeteredRequest.priceOf(MeteredRequest.BATCHES, "flex")))
                .isEqualTo(500_000);
        assertThat(halved.ppmOf(MeteredRequest.priceOf("/v1/completions", "flex")))
                .isEqualTo(1_000_000);
        assertThat(InternalPrices.charged(1_001, 500_000)).isEqualTo(500);
        assertThat(InternalPrices.charged(Long.MAX_VALUE / 2, 1_500_000)).isPositive();
    }

    @Test
    void theLargestCostOfAChargeIsChargedNoMore() {
        for (int ppm : new int[]{1, 333_333, 500_000, 1_000_000, 1_000_001, 2_000_000}) {
            for (long charge : new long[]{0, 1, 7, 1_000, 123_456_789}) {
                long cost = InternalPrices.costOf(charge, ppm);
                assertThat(InternalPrices.charged(cost, ppm)).isLessThanOrEqualTo(charge);
                assertThat(InternalPrices.charged(cost + 1, ppm)).isGreaterThan(charge);
            }
        }
        assertThat(InternalPrices.costOf(5, 0)).isEqualTo(Long.MAX_VALUE);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"{'internal_prices': 2} | must have keys flex",
        "{'internal_prices': {'fleks': 2}} | did you mean",
        "{'internal_prices': {'flex': -1}} | a number from 0 to 1000",
        "{'internal_prices': {'flex': 1e9}} | a number from 0 to 1000",
        "{'internal_prices': {'flex': 'half'}} | a number from 0 to 1000"})
    void whatMakesNoSenseIsRefused(String section, String message) {
        assertThatIllegalArgumentException().isThrownBy(() -> prices(section))
                .withMessageContaining(message);
    }
}
