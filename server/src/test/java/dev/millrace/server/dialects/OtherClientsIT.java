package dev.millrace.server.dialects;

import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.NodeClient;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** Anthropic's, Ollama's and Vercel's clients work unchanged; client.mjs says what that means. */
class OtherClientsIT {

    private static final int CHECKS = 10;
    private static final NodeClient CLIENT = new NodeClient("other-clients");

    @BeforeAll
    static void install() throws Exception {
        Assumptions.assumeTrue(NodeClient.isPossible(), "node and npm are on the path");
        CLIENT.install();
    }

    @Test
    void theClientsWorkUnchanged() {
        String story = "Once there was a mill. Ünd dann?";
        try (LiveServer server = LiveServer.saying(story)) {
            NodeClient.Output output = CLIENT.run("client.mjs", server.uri("").toString(),
                    LiveServer.MODEL, LiveServer.EMBEDDER, story);

            assertThat(output.exitCode()).as(output.text()).isZero();
            assertThat(output.text().lines().filter(line -> line.startsWith("ok ")))
                    .hasSize(CHECKS);
            assertThat(server.meter().openAccounts()).isZero();
        }
    }
}
