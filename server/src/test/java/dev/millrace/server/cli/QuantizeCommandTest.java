package dev.millrace.server.cli;

import dev.millrace.models.fixtures.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

class QuantizeCommandTest {

    @TempDir
    Path folder;

    private CommandLineFixture cli;
    private Path model;

    @BeforeEach
    void writeTinyModel() {
        cli = new CommandLineFixture(folder);
        model = TinyModels.llama().sizes(256, 512).write(folder);
    }

    @Test
    void writesAModelThatRuns() {
        Path out = folder.resolve("out.gguf");
        CommandLineFixture.Result result = cli.run("quantize", model, out, "q4_k_m");
        assertThat(result.status()).isZero();
        assertThat(result.out()).contains("Q4_K", "Q6_K");
        assertThat(result.err()).contains("out.gguf: 100 %");
        assertThat(folder.resolve("out.gguf.partial")).doesNotExist();
        assertThat(cli.run("inspect", out).out()).containsPattern("general.file_type +15");
    }

    @Test
    void overwritesNothingUnasked() throws IOException {
        Path out = Files.writeString(folder.resolve("out.gguf"), "precious");
        CommandLineFixture.Result refused = cli.run("quantize", model, out, "q8_0");
        assertThat(refused.status()).isEqualTo(1);
        assertThat(refused.err()).contains("exists", "--force");
        assertThat(out).hasContent("precious");
        assertThat(cli.run("quantize", model, out, "q8_0", "--force").status()).isZero();
        assertThat(cli.run("quantize", out, out, "q4_0", "--force").err())
                .contains("the same file");
    }

    @Test
    void leavesNothingBehindWhenItFails() {
        Path out = folder.resolve("out.gguf");
        CommandLineFixture.Result result = cli.run("quantize", model, out, "q99");
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("TYPE must be one of").contains("q4_k_m");
        assertThat(folder).isDirectoryNotContaining("glob:**.partial");
        assertThat(out).doesNotExist();
    }
}
