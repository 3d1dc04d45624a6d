package dev.millrace.bench.overhead;

import dev.millrace.bench.Main;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

class OverheadCommandTest {

    @TempDir
    Path folder;

    @Test
    void everyStreamIsReadToItsEndAndTheResultIsKept() throws Exception {
        Path results = folder.resolve("overhead.jsonl");

        int status = Main.commandLine().execute("overhead", "--streams", "8", "--tokens", "20",
                "--rounds", "1", "--requests", "5", "--results", results.toString());

        assertThat(status).isZero();
        JsonNode line = new JsonMapper().readTree(Files.readString(results));
        assertThat(line.get("streams").intValue()).isEqualTo(8);
        assertThat(line.get("tokens_per_second").doubleValue()).isPositive();
        assertThat(line.get("meter_ns_per_token").doubleValue()).isPositive();
        assertThat(line.get("first_p50_ms").doubleValue()).isPositive();
    }
}
