package dev.millrace.server.cli;

import dev.millrace.server.cli.CommandLineFixture.Result;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class KeysCommandTest {

    @TempDir
    Path home;

    @Test
    void aKeyIsMadeShownAndRevoked() {
        CommandLineFixture cli = new CommandLineFixture(home);
        assertThat(cli.run("keys", "list").out()).contains("There are no keys");

        Result made = cli.run("keys", "create", "--name", "ci", "--team", "research", "--project",
                "search", "--rpm", 60,
                "--tpm", "90000", "--models", "tinyllama,tinyllama:sql");

        assertThat(made.status()).as(made.err()).isZero();
        assertThat(made.out().strip()).matches("sk-mill-[A-Za-z0-9]{8}-[A-Za-z0-9]{40}");
        assertThat(made.err()).contains("research").contains("not shown again");
        String secret = made.out().strip().substring("sk-mill-12345678-".length());
        Result table = cli.run("keys", "list");
        assertThat(table.out()).containsPattern(
                "ci +research +search +tenant +60 +90000 +tinyllama,tinyllama:sql .*good")
                .doesNotContain(secret);

        assertThat(cli.run("keys", "revoke", "ci").out()).contains("revoked key");
        JsonNode listed = new JsonMapper().readTree(cli.run("keys", "list", "--json").out())
                .get(0);
        assertThat(listed.get("name").stringValue()).isEqualTo("ci");
        assertThat(listed.get("project").stringValue()).isEqualTo("search");
        assertThat(listed.get("revoked_ms").longValue()).isPositive();
        assertThat(listed.toString()).doesNotContain(secret);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--name a b | a key's name must be 1 to 64 letters",
        "--name x --project a/b | a key's project must be 1 to 64 letters",
        "--name x --rpm 0 | --rpm must be at least 1, got 0",
        "--name x --tpm many | Invalid value for option '--tpm'",
        "--name x --role king | Invalid value for option '--role'",
        "--team y | Missing required option: '--name=NAME'"})
    void whatMakesNoSenseIsRefused(String flags, String message) {
        Object[] words = ("keys create " + flags.replace("a b", "a\u00a0b")).split(" ");

        Result result = new CommandLineFixture(home).run(words);

        assertThat(result.status()).isNotZero();
        assertThat(result.err()).contains(message);
        assertThat(result.out()).isEmpty();
    }

    @Test
    void revokingNobodysKeyIsAnError() {
        Result result = new CommandLineFixture(home).run("keys", "revoke", "nobody");

        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err()).contains("there is no good key \"nobody\"");
    }
}
