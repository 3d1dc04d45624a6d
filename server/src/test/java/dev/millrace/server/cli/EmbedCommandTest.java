package dev.millrace.server.cli;

import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.server.cli.CommandLineFixture.Result;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class EmbedCommandTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;

    @BeforeEach
    void writeModel() {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().write(folder);
    }

    @Test
    void printsAVectorOfLengthOneForEachText() {
        List<float[]> vectors = vectors(cli.run("embed", model, "the hand", "the sand",
                "the hand"));

        assertThat(vectors).hasSize(3);
        assertThat(vectors.get(0)).hasSize(64).isEqualTo(vectors.get(2))
                .isNotEqualTo(vectors.get(1));
        double squares = 0;
        for (float element : vectors.get(0)) {
            squares += element * element;
        }
        assertThat(squares).isCloseTo(1, within(1e-5));
    }

    @Test
    void readsLinesOfStandardInputAndStepsThroughLongTexts() {
        String text = "the hand is on the thing that was in the sand";
        List<float[]> whole = vectors(cli.typing(text + "\nthe end\n").run("embed", model));
        List<float[]> parts = vectors(cli.with("MILLRACE_STEP_TOKENS", "5").typing("")
                .run("embed", model, text));

        assertThat(whole).hasSize(2);
        assertThat(parts.getFirst()).isEqualTo(whole.getFirst());
    }

    @Test
    void refusesATextThatIsLongerThanTheContext() {
        Result result = cli.run("embed", model, "the hand ".repeat(500));

        assertThat(result.status()).isOne();
        assertThat(result.err()).contains("a text must have from 1 to 256 tokens",
                "cut it into pieces");
    }

    private static List<float[]> vectors(Result result) {
        assertThat(result.status()).as(result.err()).isZero();
        return result.out().lines()
                .map(line -> JsonMapper.shared().readValue(line, float[].class)).toList();
    }
}
