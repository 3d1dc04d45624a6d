package dev.millrace.server.cli;

import dev.millrace.server.cli.CommandLineFixture.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class ConfigCommandTest {

    @TempDir
    Path home;

    @Test
    void whatItPrintsIsAFileThatMeansTheSame() throws Exception {
        Files.writeString(home.resolve("millrace.yaml"),
                "port: 9000\nlora: \"a b=/adapters/x\"\ncost:\n  usd_per_hour: 0.25\n".replace(
                        "a b", "ab"));
        CommandLineFixture cli = new CommandLineFixture(home).with("MILLRACE_QUEUE", "9");

        Result first = cli.run("config");
        Path copy = Files.writeString(home.resolve("copy.yaml"), first.out());
        Result second = new CommandLineFixture(home).run("config", "--config", copy);

        assertThat(first.status()).as(first.err()).isZero();
        assertThat(first.out()).containsPattern("port: 9000 +# port in ")
                .containsPattern("queue: 9 +# MILLRACE_QUEUE")
                .containsPattern("host: 127\\.0\\.0\\.1 +# default")
                .contains("cost:\n  usd_per_hour: 0.25\n");
        assertThat(second.status()).as(second.err()).isZero();
        assertThat(values(second.out())).isEqualTo(values(first.out()));
    }

    private static String values(String yaml) {
        return yaml.replaceAll(" *#.*", "");
    }

    @Test
    void jsonIsForPrograms() {
        JsonNode report = new JsonMapper()
                .readTree(new CommandLineFixture(home).run("config", "--json").out());

        assertThat(report.get("file").isNull()).isTrue();
        assertThat(report.at("/settings/0/key").stringValue()).isEqualTo("model");
        assertThat(report.at("/settings/0/origin").stringValue()).isEqualTo("default");
    }

    @Test
    void whatMakesNoSenseIsRefused() throws Exception {
        Files.writeString(home.resolve("millrace.yaml"), "prot: 80\n");

        Result result = new CommandLineFixture(home).run("config");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("unknown key \"prot\"", "did you mean \"port\"");
    }
}
