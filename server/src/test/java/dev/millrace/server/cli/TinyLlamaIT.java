package dev.millrace.server.cli;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.cli.CommandLineFixture.Result;
import java.nio.file.Path;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

import static org.assertj.core.api.Assertions.*;

/**
 * The default model from its registry to its words: 323 MB, pulled on the first run. The texts are
 * greedy continuations, and the perplexity is the one, that llama.cpp gives for the same file.
 */
@EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
class TinyLlamaIT {

    private static final String MODEL = "tinyllama";
    private static final double REFERENCE_PERPLEXITY = 13.60;

    private static CommandLineFixture cli;

    @BeforeAll
    static void pull() {
        cli = new CommandLineFixture(ModelStore.root(System.getenv()));
        Result result = cli.run("pull", MODEL);
        assertThat(result.status()).as(result.err()).isZero();
    }

    @Test
    void continuesAsItsPeersDo() {
        assertThat(greedy("The capital of France is")).startsWith(" the second largest city in the"
                + " country. It is located");
        assertThat(greedy("Once upon a time")).startsWith(", the world was a place of mystery and"
                + " wonder. The");
    }

    @Test
    void answersAQuestion() {
        Result result = cli.run("run", MODEL, "What is the capital of France? Answer in one word.",
                "--temperature", "0", "-n", "16");

        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out()).contains("Paris");
    }

    @Test
    void predictsATextAsWellAsItsPeers() {
        Path text = Path.of(System.getenv("MILLRACE_TEST_DATA"),
                "text/wikitext2-test-first-half.txt");

        Result result = cli.run("perplexity", MODEL, text, "--ctx", "512", "--chunks", "2");

        assertThat(result.status()).as(result.err()).isZero();
        double perplexity = Double.parseDouble(result.out()
                .replaceFirst("(?s).*perplexity (\\S+) .*", "$1").strip());
        assertThat(perplexity).isCloseTo(REFERENCE_PERPLEXITY, Percentage.withPercentage(2));
    }

    private static String greedy(String prompt) {
        Result result = cli.run("run", MODEL, prompt, "--raw", "--temperature", "0", "-n", "14");
        assertThat(result.status()).as(result.err()).isZero();
        return result.out();
    }
}
