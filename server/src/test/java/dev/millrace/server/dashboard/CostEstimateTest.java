package dev.millrace.server.dashboard;

import dev.millrace.server.metering.LedgerFixture;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import java.nio.file.Path;
import java.time.LocalDate;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

class CostEstimateTest {

    @TempDir
    Path folder;

    private CostEstimate estimate;

    @BeforeEach
    void serve() throws Exception {
        Path ledger = folder.resolve("ledger.db");
        try (LedgerFixture server = new LedgerFixture(ledger, false)) {
            server.serve("a", "llama-3.1-8b-instruct");
        }
        LedgerSummary summary;
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            summary = reader.summary();
        }
        estimate = new CostEstimate(() -> summary, Counterfactual.of(PriceCatalog.bundled(
                LocalDate.of(2026, 11, 21))));
    }

    @Test
    void tokensCostWhatTheyHaveCostSoFar() {
        JsonNode answer = answer("{\"model\": \"llama-3.1-8b-instruct\", \"prompt_tokens\": 30,"
                + " \"cached_tokens\": 10, \"completion_tokens\": 5}");

        // 2 and 20 USD per million; the bill is 2 s for 1.2 s of work
        assertThat(answer.get("usage_nano_usd").longValue()).isEqualTo(20 * 2_000 + 5 * 20_000);
        assertThat(answer.get("allocation_nano_usd").longValue()).isEqualTo(233_333);
        assertThat(answer.get("elsewhere").size()).isEqualTo(3);
        assertThat(answer.at("/elsewhere/0/saved_nano_usd").longValue()).isNegative();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{\"model\": \"other\"} | has not run here yet",
        "{\"prompt_tokens\": 1} | model",
        "{\"model\": \"llama-3.1-8b-instruct\", \"prompt_tokens\": -1} | prompt_tokens",
        "{\"model\": \"llama-3.1-8b-instruct\", \"cached_tokens\": 1} | cached_tokens",
        "{\"model\": \"llama-3.1-8b-instruct\", \"tokens\": 1} | unknown field \"tokens\"",
    })
    void whatMakesNoSenseIsRefused(String body, String reason) {
        assertThatExceptionOfType(ApiException.class).isThrownBy(() -> answer(body))
                .withMessageContaining(reason);
    }

    private JsonNode answer(String body) {
        return estimate.answer(new Fields((ObjectNode) new JsonMapper().readTree(body)));
    }
}
