package dev.millrace.server.cli;

import dev.millrace.engine.DeviceLane;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.fixtures.TinyVocabulary;
import dev.millrace.server.cli.CommandLineFixture.Result;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

class PerplexityCommandTest {

    private static final int CHUNK = 32;
    /** Four decimals are printed, and vector kernels sum in another order than scalar ones. */
    private static final Percentage CLOSE = Percentage.withPercentage(0.001);

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;
    private Path text;

    @BeforeEach
    void writeModelAndText() throws IOException {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().write(folder);
        text = Files.writeString(folder.resolve("text.txt"),
                "the hand is on the thing that was in the sand, and you see it at the end. "
                        .repeat(6));
    }

    /** One position at a time, over all logits: slower, and wrong in other ways if at all. */
    @Test
    void agreesWithTheDefinition() throws IOException {
        String[] ids = cli.run("tokenize", model, Files.readString(text), "--ids").out().strip()
                .split(",");
        int[] tokens = List.of(ids).stream().mapToInt(Integer::parseInt).toArray();
        assertThat(tokens.length).isGreaterThan(2 * CHUNK);

        Result result = cli.run("perplexity", model, text, "--ctx", CHUNK, "--chunks", 2);

        double first = surprise(tokens, 0);
        double both = (first + surprise(tokens, CHUNK)) / 2;
        assertThat(result.out().lines()).satisfiesExactly(
                line -> assertThat(value("\\[1] (\\S+)", line)).isCloseTo(Math.exp(first), CLOSE),
                line -> assertThat(value("\\[2] (\\S+)", line)).isCloseTo(Math.exp(both), CLOSE),
                line -> assertThat(value("perplexity (\\S+) \\+- \\S+", line))
                        .isCloseTo(Math.exp(both), CLOSE));
    }

    @Test
    void doesNotDependOnHowMuchFitsAStep() {
        Result whole = cli.run("perplexity", model, text, "--ctx", CHUNK, "--chunks", 2);
        Result parts = cli.with("MILLRACE_STEP_TOKENS", "5").run("perplexity", model, text,
                "--ctx", CHUNK, "--chunks", 2);

        assertThat(parts.out()).isNotBlank().isEqualTo(whole.out());
    }

    @Test
    void refusesATextShorterThanAChunk() {
        assertThat(cli.run("perplexity", model, text, "--ctx", "250").err())
                .contains("one chunk takes 250");
        assertThat(cli.run("perplexity", model, folder.resolve("absent"), "--ctx", "32").err())
                .isEqualTo("millrace: there is no file " + folder.resolve("absent") + "\n");
        assertThat(cli.run("perplexity", model, folder, "--ctx", "32").err())
                .isEqualTo("millrace: " + folder + " is a folder; name a text file\n");
        assertThat(cli.run("perplexity", model, text, "--ctx", "1").err()).contains("at least");
    }

    private double surprise(int[] tokens, int begin) {
        ServerConfig config = ServerConfig.load(Map.of(), folder, Optional.empty(),
                Map.of(Setting.CONTEXT, String.valueOf(CHUNK), Setting.SEQUENCES, "1",
                        Setting.KERNELS, "scalar"));
        double sum = 0;
        try (LoadedModel loaded = LoadedModel.open(model, config, new DeviceLane(),
                Duration.ZERO)) {
            int[][] tables = {IntStream.range(0, loaded.pass().cacheGeometry().blocksFor(CHUNK))
                    .toArray()};
            for (int position = 0; position < CHUNK - 1; position++) {
                int token = position == 0 ? TinyVocabulary.START : tokens[begin + position];
                SequenceRow row = new SequenceRow(new int[]{token}, position, tables,
                        SequenceRow.NO_ADAPTER, new OutputRequest.FullLogits(1), null);
                float[] logits = loaded.pass()
                        .step(new StepBatch(List.of(row), BlockOperations.NONE)).rows().getFirst()
                        .values();
                if (position >= CHUNK / 2) {
                    sum -= logProbability(logits, tokens[begin + position + 1]);
                }
            }
        }
        return sum / (CHUNK - 1 - CHUNK / 2);
    }

    private static double logProbability(float[] logits, int target) {
        double total = 0;
        for (float logit : logits) {
            total += Math.exp(logit);
        }
        return logits[target] - Math.log(total);
    }

    private static double value(String pattern, String line) {
        Matcher matcher = Pattern.compile(pattern).matcher(line);
        assertThat(matcher.matches()).as(line).isTrue();
        return Double.parseDouble(matcher.group(1));
    }
}
