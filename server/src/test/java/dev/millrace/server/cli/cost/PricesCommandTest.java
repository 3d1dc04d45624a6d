package dev.millrace.server.cli.cost;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class PricesCommandTest {

    private static final String NEWER = """
            {"format": 1, "currency": "USD", "unit": "per million tokens",
             "providers": [{"name": "Groq"}],
             "models": [{"name": "Llama 3.1 8B Instruct", "maker": "Meta",
               "parameters_billion": 8.03, "open_weights": true, "offers": [
                 {"provider": "Groq", "model": "llama-3.1-8b-instant", "prices": [
                   {"source": "groq.com/pricing", "as_of": "2026-11-20", "input": 0.5,
                    "output": 0.9}]}]}]}""";

    @TempDir
    Path home;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @Test
    void listsModelsAndTheRangeOfTheirPrices() throws Exception {
        assertThat(run("list")).isZero();
        assertThat(text()).containsPattern("Llama 3.1 8B Instruct +Meta +open +\\d+ +0.02/")
                .contains("Claude Sonnet 4.6", "closed");

        assertThat(run("list", "--provider", "groq", "--json")).isZero();
        JsonNode models = new JsonMapper().readTree(text()).get("models");
        assertThat(models.size()).isGreaterThan(2);
        assertThat(models.findValuesAsString("provider")).containsOnly("Groq");

        assertThat(run("list", "--provider", "Nobody")).isEqualTo(2);
        assertThat(text()).contains("no provider is called \"Nobody\" (known: ");
    }

    @Test
    void showsOffersWithTheirHistoryAndWhetherTheWeightsAreTheSame() {
        assertThat(run("show", "Llama-3.1-8B-Instruct-Q4_K_M.gguf")).isZero();
        assertThat(text()).contains("OpenRouter (gateway)", "0.02/0.03 on 2026-08-21")
                .doesNotContain("not the same weights")
                .contains("note: some of these prices were looked up 92 days ago");

        assertThat(run("show", "tinyllama")).isZero();
        assertThat(text()).contains("Llama 3.2 1B Instruct: the nearest hosted model, not the same"
                + " weights as tinyllama");

        assertThat(run("show", "stories15M")).isEqualTo(2);
        assertThat(text()).contains("no hosted model is called \"stories15M\"");
    }

    @Test
    void broughtPricesAreUsedFromThenOnAndTheOldStayAsHistory() throws Exception {
        Path file = Files.writeString(home.resolve("newer.json"), NEWER);

        assertThat(run("update", file.toString())).isZero();
        assertThat(text()).contains("1 models and 1 offers of 1 providers are now in");
        assertThat(run("show", "llama3.1-8b")).isZero();
        assertThat(text()).containsPattern(
                "Groq +llama-3.1-8b-instant +0.5 +0.9 .*0.05/0.08 on 2026-09-22");

        Files.writeString(file, NEWER.replace("0.9", "-9"));
        assertThat(run("update", file.toString())).isEqualTo(1);
        assertThat(text()).contains("output must be a number from 0 to 10000");
        assertThat(run("show", "llama3.1-8b")).isZero();
        assertThat(text()).contains("0.9");
    }

    private int run(String... arguments) {
        printed.reset();
        PrintStream out = new PrintStream(printed, true, StandardCharsets.UTF_8);
        CommandLine command = new CommandLine(new PricesCommand(out,
                Map.of("MILLRACE_HOME", home.toString()),
                Clock.fixed(Instant.parse("2026-11-21T12:00:00Z"), ZoneOffset.UTC)));
        return command.setErr(new PrintWriter(out, true))
                .setExecutionExceptionHandler((failure, failed, parsed) -> {
                    out.println(failure.getMessage());
                    return 1;
                }).execute(arguments);
    }

    private String text() {
        return printed.toString(StandardCharsets.UTF_8);
    }
}
