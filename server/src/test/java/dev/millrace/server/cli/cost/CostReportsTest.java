package dev.millrace.server.cli.cost;

import dev.millrace.server.metering.LedgerFixture;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.metering.report.Fidelity;
import dev.millrace.server.metering.report.FidelityFile;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static java.nio.file.StandardOpenOption.APPEND;
import static org.assertj.core.api.Assertions.*;

/** The reports over docs/cost.md's worked example: 1.2 s of work in 2 s, at 3.60 USD/h. */
class CostReportsTest {

    private static final LocalDate DAY = LocalDate.of(2026, 11, 21);

    @TempDir
    Path home;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @BeforeEach
    void serve() throws Exception {
        try (LedgerFixture server = new LedgerFixture(home.resolve("ledger.db"), false)) {
            server.serve("a", "llama-3.1-8b-instruct");
        }
    }

    @Test
    void theComparisonIsAsTheDocumentWorksItOut() {
        assertThat(run("compare", "--json")).isZero();
        JsonNode report = json();
        assertThat(report.get("same_weights").booleanValue()).isTrue();
        assertThat(report.get("allocation_nano_usd").longValue()).isEqualTo(2_000_000);
        assertThat(report.at("/machine/tokens_per_second").doubleValue())
                .isCloseTo(125, within(1e-9));
        JsonNode groq = host(report, "Groq");
        assertThat(groq.get("hosted_nano_usd").longValue()).isEqualTo(100 * 50 + 50 * 80);
        assertThat(groq.get("saved_nano_usd").longValue()).isEqualTo(9_000 - 2_000_000);
        assertThat(groq.get("ratio").doubleValue()).isCloseTo(0.0045, within(1e-12));
        assertThat(groq.get("usd_per_million").doubleValue()).isCloseTo(0.06, within(1e-12));
        assertThat(groq.get("parity_utilisation").doubleValue()).isCloseTo(400 / 3.0,
                within(1e-9));
        assertThat(groq.get("break_even_tokens_per_day").isNull()).isTrue();
        assertThat(groq.get("ratio_p5").isNull()).as("one request is no trace").isTrue();
        JsonNode first = groq.get("swings").get(0);
        assertThat(first.get("what").stringValue()).isIn("throughput", "utilisation");
        assertThat(first.get("high_ratio").doubleValue()).isGreaterThan(groq.get("ratio")
                .doubleValue());
    }

    @Test
    void theVerdictNamesWhatSelfHostingLoses() {
        assertThat(run("compare", "--with", "Claude Opus 4.6")).isZero();
        assertThat(text()).contains("hosts of the same weights",
                "verdict: this machine, as it was used, was cheaper than 0 of",
                "it loses even when always busy", "(other model)",
                "note: some of these prices were looked up");

        assertThat(run("compare", "--with", "Claude Opus 9")).isEqualTo(1);
        assertThat(text()).contains("no hosted model or offer is called");
        assertThat(run("compare", "--model", "nobody")).isEqualTo(1);
        assertThat(text()).contains("no tokens of a model \"nobody\" (it has: llama-3.1-8b");
    }

    @Test
    void thePageNeedsNothingElseAndItsPlotsAreWhole() throws Exception {
        Path page = home.resolve("page.html");

        assertThat(run("compare", "--html", page.toString())).isZero();

        String html = Files.readString(page);
        assertThat(html).contains("default-src 'none'").doesNotContain("<script", "http://",
                "https://", "NaN", "Infinity");
        assertThat(Pattern.compile("<svg").matcher(html).results()).hasSize(3);
        assertThat(html).contains("dearer than", "utilisation", "now 0.0");
    }

    @Test
    void aClaimIsTrueUnderConditions() {
        assertThat(run("claim", "0.5", "--with", "Claude Opus 4.6")).isZero();
        assertThat(text()).containsPattern("Groq llama-3.1-8b-instant .* false, always dearer")
                .containsPattern(
                        "Anthropic claude-opus-4-6 +11.6667 +0.8[78] +0.8[78] +1.46 .* true");

        assertThat(run("claim", "1.2", "--with", "Claude Opus 4.6")).isZero();
        assertThat(text()).containsPattern("claude-opus-4-6 .* true from 82.3 % utilisation on");

        assertThat(run("claim", "NaN")).isEqualTo(1);
        assertThat(text()).contains("FACTOR must be a number above 0");
    }

    @Test
    void groupsAreOnBothBases() {
        for (String by : List.of("model", "tenant", "key", "endpoint", "hour", "day")) {
            assertThat(run("report", "--by", by, "--json")).as(by).isZero();
            JsonNode group = json().get("groups").get(0);
            assertThat(group.get("usage_nano_usd").longValue()).isEqualTo(1_200_000);
            assertThat(group.get("allocation_nano_usd").doubleValue()).isCloseTo(2_000_000,
                    within(1e-3));
        }
        assertThat(run("report")).isZero();
        assertThat(text()).containsPattern(
                "llama-3.1-8b-instruct +1 +100 +0 +50 +0.001200000 +0.002000000"
                        + " +0.001200000 +3.3333 +33.3333");
    }

    @Test
    void groupsAndExportsKnowWhatClientsSaid() throws Exception {
        try (LedgerFixture server = new LedgerFixture(home.resolve("ledger.db"), false)) {
            server.serve(new MeteredRequest("b", "tiny:sql", "research", "/v1/completions", "k1",
                    "search", "sql", "flex", new RequestLabels("s, 1", Map.of("feature",
                            "=chat", "stage", "test"))));
        }
        for (List<String> by : List.of(List.of("tag:feature", "=chat"), List.of("tag:stage",
                "test"), List.of("session", "s, 1"), List.of("team", "research"),
                List.of("project", "search"), List.of("adapter", "tiny:sql"),
                List.of("tier", "flex"))) {
            assertThat(run("report", "--by", by.getFirst(), "--json")).as(by.getFirst()).isZero();
            assertThat(json().get("groups").valueStream()
                    .filter(group -> group.get("name").stringValue().equals(by.getLast()))
                    .map(group -> group.get("usage_nano_usd").longValue()))
                    .containsExactly(1_200_000L);
            assertThat(json().get("groups").size()).isEqualTo(2);
        }
        assertThat(run("report", "--by", "tag:")).isEqualTo(1);
        assertThat(text()).contains("requests can be grouped by model, adapter");

        assertThat(run("export")).isZero();
        assertThat(text()).contains(",search,sql,\"s, 1\",flex,1200000,"
                + "\"{\"\"feature\"\":\"\"=chat\"\",\"\"stage\"\":\"\"test\"\"}\"");
        assertThat(run("export", "--format", "json")).isZero();
        assertThat(text().lines().map(new JsonMapper()::readTree)
                .map(row -> row.at("/tags/feature").stringValue(""))).contains("=chat");
        assertThat(run("export", "--format", "focus")).isZero();
        assertThat(text()).contains("\"\"millrace/key_id\"\":\"\"k1\"\"",
                "\"\"millrace/project\"\":\"\"search\"\"", "\"\"stage\"\":\"\"test\"\"");
    }

    @Test
    void exportsAddUpToTheBill() {
        assertThat(run("export")).isZero();
        assertThat(text().lines().toList()).hasSize(2).last().asString()
                .startsWith("a,llama-3.1-8b-instruct,tenant,,/v1/completions,100,0,100,50,"
                        + "200000000,1000000000,1200000,,length,");
        assertThat(run("export", "--format", "json")).isZero();
        assertThat(json().get("cost_nano_usd").longValue()).isEqualTo(1_200_000);

        assertThat(run("export", "--format", "focus")).isZero();
        List<String> rows = text().lines().toList();
        int billed = List.of(rows.getFirst().split(",")).indexOf("BilledCost");
        BigDecimal sum = rows.stream().skip(1).map(row -> new BigDecimal(row.replaceAll(
                "\"[^\"]*\"", "").split(",")[billed])).reduce(BigDecimal.ZERO, BigDecimal::add);
        assertThat(sum).isEqualByComparingTo("0.002");
        assertThat(rows.getFirst().split(",")).hasSize(26);
    }

    @Test
    void theBillIsReconciledWithItsPartsAndAnInvoice() {
        assertThat(run("reconcile", "--invoice", "0.004")).isZero();
        assertThat(text()).containsPattern("rent +0.002000000").containsPattern("staff +0.0000")
                .contains("The lines are the bill, to the nano-dollar.",
                        "the ledger explains 50.0 % of it, 0.002000000 USD are left");
    }

    @Test
    void textsOfClientsAreNoFormulas() {
        assertThat(CsvLine.of("=1+1", "a,b", "say \"x\"", null, 5, "plain"))
                .isEqualTo("'=1+1,\"a,b\",\"say \"\"x\"\"\",,5,plain");
    }

    private static JsonNode host(JsonNode report, String provider) {
        for (JsonNode host : report.get("hosts")) {
            if (host.get("provider").stringValue().equals(provider)) {
                return host;
            }
        }
        throw new AssertionError("no host " + provider);
    }

    private JsonNode json() {
        return new JsonMapper().readTree(text());
    }

    @Test
    void whatAModelLosesStandsBesideWhatItCosts() throws Exception {
        assertThat(run("compare")).isZero();
        assertThat(text()).contains("fidelity: not measured; './millrace compare");
        FidelityFile file = new FidelityFile(home);
        file.add(new Fidelity("llama-3.1-8b-instruct", "old.gguf", "w.txt", 8, 1, 0.5, 9, 8, DAY));
        file.add(new Fidelity("llama-3.1-8b-instruct", "<f16>.gguf", "w.txt", 512, 0.0125, 0.97125,
                8.08, 8, DAY));
        file.add(new Fidelity("another", "f16.gguf", "w.txt", 8, 1, 0.5, Double.NaN, 8, DAY));
        String sentence = "fidelity to <f16>.gguf: same choice 97.13 %, KL divergence 0.012500"
                + " nats, perplexity +1.00 % (w.txt, 512 positions, 2026-11-21)";

        assertThat(run()).isZero();
        assertThat(text()).contains("  " + sentence);
        assertThat(run("compare", "--html", home.resolve("page.html").toString())).isZero();
        assertThat(text()).contains(sentence);
        assertThat(home.resolve("page.html")).content().contains("fidelity to &lt;f16&gt;.gguf");
        assertThat(run("compare", "--json")).isZero();
        assertThat(json().at("/fidelity/kl_divergence").doubleValue()).isEqualTo(0.0125);
        assertThat(run("--json")).isZero();
        assertThat(json().at("/models/0/fidelity/reference").stringValue())
                .isEqualTo("<f16>.gguf");

        Files.writeString(home.resolve("fidelity.jsonl"), "{\"model\": 1", APPEND);
        assertThat(run("compare")).isEqualTo(1);
        assertThat(text()).contains("fidelity.jsonl, line 4, is no finding");
    }

    @Test
    void parquetIsWrittenByDuckDbWhereThereIsOne() throws Exception {
        Path out = home.resolve("it's.parquet");
        assertThat(run("export", "--format", "parquet")).isEqualTo(1);
        assertThat(text()).contains("name a file with --out");
        assertThat(run("export", "--format", "parquet", "-o", out.toString())).isEqualTo(1);
        assertThat(text()).contains("no program 'duckdb' is on the PATH");

        Path program = Files.writeString(home.resolve("duckdb"), """
                #!/bin/sh
                echo "$2" > "$0.sql"
                cp "$(echo "$2" | sed "s/.*read_csv('//; s/'.*//")" "$0.csv"
                """);
        assertThat(program.toFile().setExecutable(true)).isTrue();
        assertThat(run("export", "--format", "parquet", "-o", out.toString())).isZero();
        assertThat(home.resolve("duckdb.sql")).content()
                .startsWith("COPY (SELECT * FROM read_csv('")
                .endsWith("header = true)) TO '" + home + "/it''s.parquet' (FORMAT parquet)\n");
        assertThat(home.resolve("duckdb.csv")).content().contains("a,llama-3.1-8b-instruct,tenant");

        Files.writeString(program, "#!/bin/sh\necho out of space; exit 7\n");
        assertThat(run("export", "--format", "parquet", "-o", out.toString())).isEqualTo(1);
        assertThat(text()).contains("(status 7): out of space");
    }

    private int run(String... arguments) {
        printed.reset();
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        return CostCommand.all(out, Map.of("MILLRACE_HOME", home.toString(), "PATH",
                home.toString()),
                Clock.fixed(Instant.parse("2026-11-21T12:00:00Z"), ZoneOffset.UTC))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    out.println(failure.getMessage());
                    return 1;
                }).execute(arguments);
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}
