package dev.millrace.bench.ledger;

import dev.millrace.bench.Main;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.report.UseSpan;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class LedgerCommandTest {

    @TempDir
    Path folder;

    @Test
    void aSimulatedHourIsAppendedFilledUpAndRead() throws Exception {
        Path ledger = folder.resolve("ledger.db");
        Path results = folder.resolve("results.jsonl");

        assertThat(Main.commandLine().execute("ledger", "--ledger", ledger.toString(), "--hours",
                "1", "--speed", "5000", "--rows", "20000", "--results", results.toString()))
                .isZero();

        JsonNode result = new JsonMapper().readTree(Files.readString(results));
        assertThat(result.get("rows").longValue()).isGreaterThanOrEqualTo(20_000);
        assertThat(result.get("requests").longValue()).isPositive();
        assertThat(result.get("read_p50_ms").size()).isEqualTo(5);
        try (LedgerReader reader = LedgerReader.open(ledger)) {
            LedgerSummary summary = reader.summary();
            assertThat(summary.requests()).isEqualTo(result.get("rows").longValue());
            assertThat(summary.balance().balances()).isTrue();
            assertThat(reader.audit()).isEmpty();
            long[] sum = {0};
            reader.forEachSum(UseSpan.DAY, 0, row -> sum[0] += row.requests());
            assertThat(sum[0]).isEqualTo(summary.requests());
        }
    }
}
