package dev.millrace.server.cli;

import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.cli.CommandLineFixture.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.*;

class CommandLineProgramTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        cli = new CommandLineFixture(folder.resolve("home"));
        model = TinyModels.llama().write(folder);
    }

    @Test
    void tellsItsVersionAndItsJava() {
        Result result = cli.run("--version");

        assertThat(result.status()).isZero();
        assertThat(result.out()).startsWith("millrace ").contains("Java 25");
    }

    @ParameterizedTest
    @ValueSource(strings = {"serve", "run", "pull", "list", "rm", "inspect", "tokenize",
        "detokenize", "cost", "prices", "template", "perplexity"})
    void explainsEveryCommand(String command) {
        Result result = cli.run(command, "--help");

        assertThat(result.status()).isZero();
        assertThat(result.out()).startsWith("Usage: millrace " + command);
        assertThat(result.out().lines()).allMatch(line -> line.length() <= 100);
        assertThat(cli.run().out()).contains("  " + command + " ");
    }

    @Test
    void tellsMisuseFromFailureByTheStatus() {
        assertThat(cli.run("pul").status()).isEqualTo(2);
        assertThat(cli.run("pul").err()).contains("unknown command \"pul\"", "millrace pull");
        assertThat(cli.run("list", "--al").status()).isEqualTo(2);
        assertThat(cli.run("pull").err()).contains("MODEL").contains("--help");
        assertThat(cli.run("inspect", model, "--values").status()).isEqualTo(2);
        assertThat(cli.run("rm", "nothing").status()).isEqualTo(1);
    }

    @Test
    void failsInOneLineWithoutAStackTrace() {
        Result result = cli.run("run", "tinylama", "hello");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.errorLines()).singleElement().asString()
                .startsWith("millrace: unknown model \"tinylama\"; did you mean \"tinyllama\"");
    }

    @Test
    void showsWhereAFailureComesFromOnRequest() {
        assertThat(cli.with("MILLRACE_DEBUG", "1").run("run", "tinylama", "hello").err())
                .contains("\tat dev.millrace.");
    }

    @Test
    void refusesADamagedModelInOneLine() throws IOException {
        byte[] whole = Files.readAllBytes(model);
        Files.write(model, Arrays.copyOf(whole, whole.length - 1000));
        Result truncated = cli.run("run", model, "hello");
        Files.writeString(model, "This is no model at all, whatever its name says.");
        Result strange = cli.run("inspect", model);

        assertThat(List.of(truncated, strange)).allSatisfy(result -> {
            assertThat(result.status()).isEqualTo(1);
            assertThat(result.errorLines()).hasSize(1);
        });
        assertThat(strange.err()).contains(model.toString());
    }

    @Test
    void listsWhatTheCatalogOffers() {
        assertThat(cli.run("list").out())
                .containsPattern("tinyllama +323 MB +Apache-2.0 +no +TinyLlama 1.1B");
    }

    @Test
    void readsTextAndIdsBothWays() {
        String ids = cli.run("tokenize", model, "the hand is on", "--ids").out().strip();

        assertThat(ids).matches("1(,\\d+)+");
        assertThat(cli.run("detokenize", model, ids).out()).isEqualTo("the hand is on\n");
        assertThat(cli.typing(ids.replace(',', ' ')).run("detokenize", model).out())
                .isEqualTo("the hand is on\n");
        assertThat(cli.typing("the hand is on").run("tokenize", model, "--ids", "--no-start").out()
                .strip()).isEqualTo(ids.substring(2));
        assertThat(cli.run("detokenize", model, "1,384").err())
                .contains("there is no token 384; ids run from 0 to 383");
        assertThat(cli.run("detokenize", model, "1,x").err()).contains("\"x\" is not a token id");
    }

    @Test
    void readsTokenizersWithoutAModel() throws IOException {
        Path file = Files.writeString(folder.resolve("tokenizer.json"), """
                {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}}""");

        assertThat(cli.run("tokenize", file, "aba", "--ids").out()).isEqualTo("2,0\n");
        assertThat(cli.run("tokenize", folder, "aba", "--ids").out()).isEqualTo("2,0\n");
        assertThat(cli.typing("2 0").run("detokenize", folder).out()).isEqualTo("aba\n");
        Files.writeString(file, "{}");
        assertThat(cli.run("tokenize", file, "a").errorLines()).hasSize(1)
                .first().asString().contains("no \"model\"");
    }

    @Test
    void letsSpecialTokensInOnlyOnRequest() {
        assertThat(cli.run("tokenize", model, "</s>", "--ids", "--no-start").out()).contains(",");
        assertThat(cli.run("tokenize", model, "</s>", "--ids", "--no-start", "--special").out())
                .doesNotContain(",");
    }

    @Test
    void rendersConversationsLineByLine() {
        String conversation = "{\"context\": {\"messages\": [{\"role\": \"user\", \"content\":"
                + " \"Hi\"}], \"eos_token\": \"</s>\", \"add_generation_prompt\": true}";
        Result result = cli.typing(conversation + "}\n"
                + conversation + ", \"template\": \"{{ messages[0].content }}!\"}\n"
                + conversation + ", \"template\": \"{{ raise_exception('no') }}\"}\n"
                + "nonsense\nnull\n[]\n").run("template", model, "--jsonl");

        assertThat(result.status()).isZero();
        assertThat(result.out().lines()).satisfiesExactly(
                line -> assertThat(line)
                        .isEqualTo("{\"output\":\"<|user|>\\nHi</s>\\n<|assistant|>\\n\"}"),
                line -> assertThat(line).isEqualTo("{\"output\":\"Hi!\"}"),
                line -> assertThat(line).startsWith("{\"error\":").contains("no"),
                line -> assertThat(line).startsWith("{\"error\":").contains("JSON"),
                line -> assertThat(line).startsWith("{\"error\":").contains("JSON"),
                line -> assertThat(line).startsWith("{\"error\":").doesNotContain("java."));
        assertThat(cli.run("template", model).out().strip()).isEqualTo(TinyModels.CHAT_TEMPLATE);
    }
}
