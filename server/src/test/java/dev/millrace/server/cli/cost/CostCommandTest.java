package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.LedgerFixture;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class CostCommandTest {

    @TempDir
    Path home;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @Test
    void showsWhatTokensCostBesideThreeHostedPrices() throws Exception {
        try (LedgerFixture server = new LedgerFixture(home.resolve("ledger.db"), true)) {
            server.serve("a", "tinyllama");
        }

        assertThat(run()).isZero();
        assertThat(text()).contains("rate     3.600000 USD/h (assumed)", "requests 1",
                "balances to the nano-dollar", "Llama 3.2 1B Instruct",
                "no price of this model is known; the nearest hosted", "2026-09-22",
                "sources: models.dev");
        // 0.2 s over 100 tokens and 1 s over 50, at a dollar per 1,000 s; the bill is 2 s for 1.2
        assertThat(text()).containsPattern("here, usage \\(assumed\\) +2\\.0000 +20\\.0000")
                .containsPattern("here, allocation \\(assumed\\) +3\\.3333 +33\\.3333")
                .containsPattern("idle +0\\.800 +0\\.000800000")
                .containsPattern("Inference +0\\.0100 +0\\.0100");
    }

    @Test
    void worksWhileTheServerRuns() throws Exception {
        try (LedgerFixture server = new LedgerFixture(home.resolve("ledger.db"), false)) {
            server.serve("a", "llama-3.1-8b-instruct");

            assertThat(run("--json")).isZero();
        }
        JsonNode report = new JsonMapper().readTree(text());
        assertThat(report.get("balances").booleanValue()).isTrue();
        assertThat(report.get("assumed").booleanValue()).isFalse();
        assertThat(report.at("/bill_nano_usd/requests").longValue()).isEqualTo(1_200_000);
        assertThat(report.at("/models/0/completion_tokens").longValue()).isEqualTo(50);
        assertThat(report.at("/models/0/joules").isNull()).isTrue();
        assertThat(report.at("/models/0/usage_usd_per_million/input").doubleValue())
                .isCloseTo(2, within(1e-9));
        assertThat(report.at("/models/0/hosted/same_model").booleanValue()).isTrue();
        assertThat(report.at("/models/0/hosted/prices").size()).isEqualTo(3);
    }

    @Test
    void anEmptyLedgerSaysSo() {
        assertThat(run()).isZero();
        assertThat(text()).contains("Nothing has been metered yet").contains("ledger.db");
        assertThat(Files.exists(home.resolve("ledger.db"))).isFalse();
    }

    @Test
    void aLedgerWithoutRequestsHasNoPricePerToken() throws Exception {
        new LedgerFixture(home.resolve("ledger.db"), false).close();

        assertThat(run()).isZero();
        assertThat(text()).contains("requests 0").doesNotContain("NaN");
    }

    @Test
    void theLedgerThatTheSettingsNameIsTheDefault() throws Exception {
        Path named = home.resolve("named.db");
        new LedgerFixture(named, false).close();
        Files.writeString(home.resolve("millrace.yaml"), "ledger: " + named);

        assertThat(run()).isZero();
        assertThat(text()).contains("named.db", "requests 0");
    }

    @Test
    void aNamedLedgerMustExist() {
        assertThat(run("--ledger", home.resolve("other.db").toString())).isEqualTo(1);
        assertThat(text()).contains("there is no ledger at").contains("other.db");
    }

    @Test
    void booksThatDoNotBalanceAreSaidAloud() throws Exception {
        Path file = home.resolve("ledger.db");
        try (LedgerFixture server = new LedgerFixture(file, false)) {
            server.serve("a", "tinyllama");
        }
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.executeUpdate("DROP TRIGGER request_is_kept");
            statement.executeUpdate("DELETE FROM request");
        }

        assertThat(run("--ledger", file.toString())).isEqualTo(3);
        assertThat(text()).contains("THE ROWS ARE NOT THEIR SUMS").contains("-1 requests");

        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.executeUpdate("DELETE FROM request_sum");
        }
        assertThat(run("--ledger", file.toString())).isEqualTo(3);
        assertThat(text()).contains("DOES NOT BALANCE: off by -0.001200000 USD");
    }

    @Test
    void listsWhatCommonMachinesCost() {
        assertThat(run("profiles")).isZero();
        assertThat(text()).containsPattern("h100-rented +one H100 SXM, RunPod secure cloud"
                + " +usd_per_hour: 3.99 +2026-11-09 +runpod.io/pricing").contains("rtx-4090");
    }

    private int run(String... arguments) {
        printed.reset();
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        return CostCommand.all(out, Map.of("MILLRACE_HOME", home.toString()),
                Clock.fixed(Instant.parse("2026-11-21T12:00:00Z"), ZoneOffset.UTC))
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    out.println(failure.getMessage());
                    return 1;
                }).execute(arguments);
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}
