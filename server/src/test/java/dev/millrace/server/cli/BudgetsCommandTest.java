package dev.millrace.server.cli;

import dev.millrace.server.cli.CommandLineFixture.Result;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class BudgetsCommandTest {

    @TempDir
    Path home;

    @Test
    void aBudgetIsSetListedAndRemoved() {
        CommandLineFixture cli = new CommandLineFixture(home);
        assertThat(cli.run("budgets", "list").out()).contains("There are no budgets");

        Result set = cli.run("budgets", "set", "--team", "research", "--per", "month", "--hard",
                "100", "--soft", "80.5", "--time-zone", "Europe/Berlin");
        assertThat(set.status()).as(set.err()).isZero();
        assertThat(set.out()).contains("set the budget of team research, per month");
        assertThat(cli.run("budgets", "set", "--server", "--per", "day", "--soft", "1.000000001")
                .status()).isZero();

        assertThat(cli.run("budgets", "list").out())
                .containsPattern("server, per day +- +1.000000001 +0.00 +- +0.00 +0.00 +20")
                .containsPattern("team research, per month +100.00 +80.50 +0.00 +100.00 +0.00");
        JsonNode listed = new JsonMapper().readTree(cli.run("budgets", "list", "--json").out());
        assertThat(listed.get(1).get("hard_nano_usd").longValue()).isEqualTo(100_000_000_000L);
        assertThat(listed.get(1).get("time_zone").stringValue()).isEqualTo("Europe/Berlin");

        assertThat(cli.run("budgets", "rm", "--server", "--per", "day").out())
                .contains("removed the budget of server, per day");
        assertThat(cli.run("budgets", "rm", "--server", "--per", "day").err())
                .contains("there is no such budget");
        refused(cli, "a budget needs a hard limit", "--server", "--per", "day");
        refused(cli, "period must be day or month", "--server", "--per", "week", "--hard", "1");
        refused(cli, "at most 9 decimals", "--server", "--per", "day", "--hard", "0.0000000001");
        refused(cli, "mutually exclusive", "--server", "--team", "a", "--per", "day", "--hard",
                "1");
        refused(cli, "--time-zone", "--server", "--per", "day", "--hard", "1", "--time-zone",
                "Mars");
    }

    private static void refused(CommandLineFixture cli, String message, Object... flags) {
        Object[] words = new Object[flags.length + 2];
        words[0] = "budgets";
        words[1] = "set";
        System.arraycopy(flags, 0, words, 2, flags.length);
        Result result = cli.run(words);
        assertThat(result.status()).isNotZero();
        assertThat(result.err()).contains(message);
    }
}
