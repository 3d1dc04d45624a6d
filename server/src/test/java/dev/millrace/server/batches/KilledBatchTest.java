package dev.millrace.server.batches;

import dev.millrace.engine.EngineSettings;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.DoomedProcess;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.Rows;
import dev.millrace.server.fixtures.TestStorage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

/** Kills a server in the middle of a batch, for real. */
@Tag("proof")
@Timeout(300)
class KilledBatchTest {

    private static final int ROWS = 40;
    private static final String BATCH = "batch";
    private static final long SLOW_NANOS = 2_000_000;

    @TempDir
    Path folder;

    private static LiveServer serve(TestStorage storage, long tokenNanos) {
        return LiveServer.with(new ScriptedForwardPass(NextToken.letters()).takes(tokenNanos, 0))
                .settings(new EngineSettings(2, 1024, LiveServer.CONTEXT_TOKENS, 64, 16_384, true))
                .storage(storage.storage()).start();
    }

    /** Goes on with the batch that there is, or begins one. */
    static final class Runner {

        private Runner() {}

        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[0]);
            LiveServer server = serve(new TestStorage(folder), SLOW_NANOS);
            Path name = folder.resolve(BATCH);
            if (!Files.exists(name)) {
                Files.writeString(name, BatchesTest.begin(server, Rows.chats(ROWS,
                        "\"max_tokens\": 10"), Chat.PATH));
            }
            int before = completed(server, Files.readString(name));
            while (completed(server, Files.readString(name)) < before + 3) {
                Thread.onSpinWait();
            }
            DoomedProcess.working(folder);
            Thread.sleep(Long.MAX_VALUE); // until it is killed
        }

        private static int completed(LiveServer server, String id) throws Exception {
            return BatchesTest.batch(server, id).at("/request_counts/completed").intValue();
        }
    }

    @Test
    void aBatchGoesOnAfterEveryKillAndNoRowHasTwoResults() throws Exception {
        for (int round = 0; round < 2; round++) {
            try (DoomedProcess runner = DoomedProcess.start(Runner.class, folder)) {
                runner.awaitWork();
            }
        }
        try (TestStorage storage = new TestStorage(folder);
                LiveServer server = serve(storage, 0)) {
            JsonNode batch = BatchesTest.ended(server, Files.readString(folder.resolve(BATCH)));

            assertThat(batch.at("/request_counts/completed").intValue()).isEqualTo(ROWS);
            Map<String, JsonNode> answers = BatchesTest.results(server, batch, "output_file_id");
            assertThat(answers).hasSize(ROWS); // and none twice, which reading them checks
            assertThat(server.meter().finished()).as("what had its result does not run again")
                    .hasSizeLessThanOrEqualTo(ROWS - 6);
            assertThat(batch.at("/usage/output_tokens").intValue()).isEqualTo(ROWS * 10);
        }
    }
}
