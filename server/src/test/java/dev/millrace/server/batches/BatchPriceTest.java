package dev.millrace.server.batches;

import dev.millrace.server.openai.wire.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class BatchPriceTest {

    @ParameterizedTest
    @CsvSource({"500000,7,3", "500000,0,0", "1000000,7,7", "0,7,0", "333333,3000003,999999",
        "999999,9223372036854775807,9223362813482738952"})
    void isAShareOfTheCostInWholeNanoDollars(int millionths, long nanoUsd, long expected) {
        assertThat(new BatchPrice(millionths).of(nanoUsd)).isEqualTo(expected);
    }

    @Test
    void factorsAreShownAsTheyWereGiven() {
        assertThat(new BatchPrice(500_000).factor()).hasToString("0.5");
        assertThat(new BatchPrice(0).factor()).hasToString("0");
        assertThatIllegalArgumentException().isThrownBy(() -> new BatchPrice(1_000_001));
    }

    @Test
    void usageIsReadInTheWordsOfEveryEndpoint() {
        assertThat(BatchPrice.used(new JsonMapper().readTree("""
                {"usage": {"prompt_tokens": 9, "completion_tokens": 5,
                  "prompt_tokens_details": {"cached_tokens": 4},
                  "completion_tokens_details": {"reasoning_tokens": 2},
                  "cost_details": {"nano_usd": 100, "batch_price_nano_usd": 50}}}""")))
                .isEqualTo(BatchPrice.used(new JsonMapper().readTree("""
                        {"usage": {"input_tokens": 9, "output_tokens": 5,
                          "input_tokens_details": {"cached_tokens": 4},
                          "output_tokens_details": {"reasoning_tokens": 2},
                          "cost_details": {"nano_usd": 100, "batch_price_nano_usd": 50}}}""")))
                .hasToString("BatchCounts[completed=1, failed=0, inputTokens=9, cachedTokens=4, "
                        + "outputTokens=5, reasoningTokens=2, costNanoUsd=100, priceNanoUsd=50]");
        assertThat(BatchPrice.used(Json.object()).costNanoUsd()).isZero();
    }
}
