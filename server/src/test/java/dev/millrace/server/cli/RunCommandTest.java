package dev.millrace.server.cli;

import dev.millrace.models.fixtures.MixtureDirectory;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.cli.CommandLineFixture.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

class RunCommandTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().write(folder);
    }

    @Test
    void printsTheIdsOfTheLikeliestTokens() {
        Result result = cli.run("run", model, "--prompt-ids", "1,5,9", "--max-tokens", "16",
                "--temperature", "0", "--print-ids", "--ignore-end");

        assertThat(result.status()).isZero();
        assertThat(result.out()).matches("\\d+(,\\d+){15}\n");
        assertThat(result.err()).contains("3 prompt tokens").contains("16 tokens")
                .contains("length").contains("(assumed rate)").doesNotContain("seed");
    }

    @Test
    void keepsToARegularExpressionAndToASchema() throws Exception {
        Path schema = Files.writeString(folder.resolve("schema.json"),
                "{\"type\": \"array\", \"items\": {\"enum\": [1, 2]}, \"minItems\": 2,"
                        + " \"maxItems\": 2}");
        Result regex = cli.run("run", model, "the hand", "--regex", "[a-f]{3}-\\d");
        Result json = cli.run("run", model, "the hand", "--json-schema", schema);
        Result wrong = cli.run("run", model, "the hand", "--regex", "(?=a)b");
        Result both = cli.run("run", model, "the hand", "--regex", "a", "--json");

        assertThat(regex.out()).matches("[a-f]{3}-\\d\n");
        assertThat(json.out()).matches("\\[\\s*[12],\\s*[12]\\s*]\n");
        assertThat(wrong.status()).isNotZero();
        assertThat(wrong.err()).contains("look-around");
        assertThat(both.status()).isNotZero();
    }

    @Test
    void drawsAndEndsAsItIsTold() {
        String free = cli.run("run", model, "the hand", "-n", "12", "--temperature", "0",
                "--ignore-end").out();
        String biased = greedy("run", model, "the hand", "--logit-bias", "9=1e9");
        Result every = cli.run("run", model, "the hand", "-n", "12", "--min-tokens", "12",
                "--typical-p", "0.9", "--top-n-sigma", "2", "--xtc-probability", "0.5",
                "--repetition-penalty", "1.1", "--presence-penalty", "0.5", "--frequency-penalty",
                "0.5", "--dry-multiplier", "0.8", "--dry-sequence-breaker", "x",
                "--dry-sequence-breaker", "y", "--bad-word", "never", "--bad-word", "ever",
                "--stop", "no such", "--stop", "text", "--stop-token", "5", "--include-stop",
                "--show-special");
        Result stopped = cli.run("run", model, "the hand", "-n", "12", "--temperature", "0",
                "--ignore-end", "--stop", free.substring(2, 4), "--stop", "no such text");

        assertThat(biased.strip()).matches("9(,9){11}");
        assertThat(every.status()).as(every.err()).isZero();
        assertThat(every.err()).contains("12 tokens");
        assertThat(stopped.out().strip()).isEqualTo(
                free.substring(0, free.indexOf(free.substring(2, 4))).strip());
    }

    @ParameterizedTest
    @CsvSource({"--typical-p,1.5,typicalP", "--dry-base,0,DRY base", "--min-tokens,513,min-tokens",
        "--xtc-probability,-1,xtcProbability", "--dry-multiplier,NaN,DRY multiplier",
        "--bad-word,'',bad word", "--stop,'',stop sequence"})
    void refusesWhatIsOutOfRange(String option, String value, String named) {
        Result result = cli.run("run", model, "the hand", option, value);

        assertThat(result.status()).isNotZero();
        assertThat(result.errorLines()).last().asString().contains(named);
    }

    @Test
    void runsADirectoryWithoutATokenizerOnIds() {
        Path directory = MixtureDirectory.write(folder.resolve("mixture"));
        Result ids = cli.run("run", directory, "--prompt-ids", "1,5,9", "--max-tokens", "16",
                "--temperature", "0", "--print-ids");
        Result text = cli.run("run", directory, "hello");

        assertThat(ids.out()).matches("\\d+(,\\d+){15}\n");
        assertThat(text.status()).isNotZero();
        assertThat(text.err()).contains("tokenizer");
    }

    @Test
    void repeatsItselfWithTheSeedThatItTells() {
        String[] first = {"run", model.toString(), "the hand", "-n", "20", "--ignore-end",
            "--temperature", "1.5"};
        Result result = cli.run((Object[]) first);
        String seed = result.err().strip().replaceFirst("(?s).*seed ", "");
        Result again = cli.run("run", model, "the hand", "-n", "20", "--ignore-end",
                "--temperature", "1.5", "--seed", seed);
        Result other = cli.run("run", model, "the hand", "-n", "20", "--ignore-end",
                "--temperature", "1.5", "--seed", seed + "1");

        assertThat(result.out()).isNotBlank().isEqualTo(again.out()).isNotEqualTo(other.out());
    }

    @Test
    void putsThePromptThroughTheChatTemplateUnlessToldNotTo() {
        String chat = greedy("run", model, "is");
        String raw = greedy("run", model, "is", "--raw");
        String spelled = greedy("run", model, "--prompt-ids", cli.run("tokenize", model,
                "<|user|>\nis</s>\n<|assistant|>\n", "--special", "--ids").out().strip());

        assertThat(chat).isEqualTo(spelled).isNotEqualTo(raw);
    }

    @Test
    void quantisesAtLoadAsAheadOfTime() {
        Path out = folder.resolve("small.gguf");
        cli.run("quantize", model, out, "q8_0");
        String[] arguments = {"run", model.toString(), "is", "--temperature", "0", "-n", "20",
            "--ignore-end", "--quantize", "Q8_0"};
        Result atLoad = cli.run((Object[]) arguments);

        assertThat(atLoad.err()).contains("weights of more bits became q8_0 at load");
        assertThat(atLoad.out()).isEqualTo(cli.run("run", out, "is", "--temperature", "0", "-n",
                "20", "--ignore-end").out());
        arguments[arguments.length - 1] = "iq2_xxs";
        assertThat(cli.run((Object[]) arguments).err())
                .contains("--quantize must be one of none").contains("q4_k_m");
    }

    @Test
    void stopsAtTheContext() {
        Path small = TinyModels.llama().contextTokens(16).write(folder);
        Result result = cli.run("run", small, "--prompt-ids", "1,5,9", "--print-ids",
                "--temperature", "0", "--ignore-end");

        assertThat(result.out().strip().split(",")).hasSize(13);
        assertThat(result.err()).contains("length");
    }

    @Test
    void takesAPromptLongerThanAStep() {
        String prompt = "1,5,9,17,33,65,129,257,2,3,4,5";
        String whole = greedy("run", model, "--prompt-ids", prompt);
        cli.with("MILLRACE_STEP_TOKENS", "5");

        assertThat(greedy("run", model, "--prompt-ids", prompt)).isEqualTo(whole);
    }

    @Test
    void refusesAPromptLongerThanTheContext() {
        Path small = TinyModels.llama().contextTokens(4).write(folder);

        Result result = cli.run("run", small, "--prompt-ids", "1,5,9,5,9,5", "--print-ids");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.errorLines()).last().asString().contains("6").contains("4");
    }

    @ParameterizedTest
    @CsvSource({"--temperature,NaN", "--temperature,-1", "--top-p,2", "--min-p,-0.1",
        "--top-k,-1", "--max-tokens,0", "--context,0", "--memory,1kB", "--threads,-2",
        "--backend,cuda", "--context,100000"})
    void refusesWhatMakesNoSense(String option, String value) {
        Result result = cli.run("run", model, "hello", option + "=" + value);

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.out()).isEmpty();
        assertThat(result.errorLines()).last().asString().startsWith("millrace: ")
                .doesNotContain("internal error");
    }

    @Test
    void runsAModelWithoutTokenizerOnIdsOnly() {
        Path idsOnly = TinyModels.llama().withoutVocabulary().write(folder);

        assertThat(cli.run("run", idsOnly, "--prompt-ids", "1,2", "--print-ids", "-n", "2",
                "--temperature", "0").out()).matches("\\d+,\\d+\n");
        assertThat(cli.run("run", idsOnly, "hello").err()).contains("--prompt-ids");
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void continuesAStoryThatWasLearnt() {
        Path stories = Path.of(System.getenv("MILLRACE_TEST_DATA"),
                "models/stories260K-f32.gguf");
        assertThat(Files.exists(stories)).isTrue();

        Result result = cli.run("run", stories, "Once upon a time", "--raw", "--echo",
                "--temperature", "0", "-n", "20");

        assertThat(result.out()).startsWith("Once upon a time, there was a little girl named");
    }

    /** The ids are llama-server's (b9888), with the same settings by its own names. */
    @Test
    @EnabledIfEnvironmentVariable(named = "MILLRACE_TEST_DATA", matches = ".+")
    void avoidsRepeatedRunsAsLlamaCppDoes() {
        Path stories = Path.of(System.getenv("MILLRACE_TEST_DATA"),
                "models/stories260K-f32.gguf");

        Result result = cli.run("run", stories, "Once upon a time there was a little girl. The"
                + " little girl was", "--raw", "--temperature", "0", "-n", "109", "--kv", "f32",
                "--kernels", "scalar", "--print-ids", "--dry-multiplier", "2",
                "--dry-allowed-length", "1", "--dry-base", "1.2", "--dry-penalty-last-n", "40",
                "--dry-sequence-breaker", ".", "--dry-sequence-breaker", "was");

        assertThat(result.out().strip()).isEqualTo("399,393,269,401,396,267,337,335,311,267,422,"
                + "419,426,385,328,432,358,263,377,267,265,282,295,433,267,337,426,338,394,261,370,"
                + "268,414,444,335,261,262,423,388,268,388,426,291,268,414,422,286,399,393,426,13,"
                + "434,260,268,414,422,336,432,313,440,417,432,376,298,315,421,426,410,448,415,294,"
                + "261,276,364,400,299,450,436,291,376,298,315,421,336,432,313,442,261,423,262,304,"
                + "420,422,432,359,279,292,416,439,413,409,416,327,263,415,294,267,400,426");
    }

    private String greedy(Object... arguments) {
        Object[] all = Arrays.copyOf(arguments, arguments.length + 6);
        Object[] flags = {"--temperature", "0", "-n", "12", "--ignore-end", "--print-ids"};
        System.arraycopy(flags, 0, all, arguments.length, flags.length);
        Result result = cli.run(all);
        assertThat(result.status()).as(result.err()).isZero();
        return result.out();
    }
}
