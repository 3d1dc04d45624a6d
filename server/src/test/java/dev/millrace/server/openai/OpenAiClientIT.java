package dev.millrace.server.openai;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.FakeTokenizer;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.NodeClient;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

/** The official npm client works unchanged; client.mjs says what that means. */
class OpenAiClientIT {

    private static final NodeClient CLIENT = new NodeClient("openai-client");
    private static final int CHECKS = 9;

    @BeforeAll
    static void install() throws Exception {
        Assumptions.assumeTrue(NodeClient.isPossible(), "node and npm are on the path");
        CLIENT.install();
    }

    @Test
    void theOfficialClientWorksUnchanged() {
        String story = "Once there was a mill. Ünd dann?";
        try (LiveServer server = LiveServer.saying(story)) {
            NodeClient.Output output = CLIENT.run("client.mjs", server.uri("/v1").toString(),
                    LiveServer.MODEL, story);

            assertThat(output.exitCode()).as(output.text()).isZero();
            assertThat(output.text().lines().filter(line -> line.startsWith("ok ")))
                    .hasSize(CHECKS);
            assertThat(server.meter().openAccounts()).isZero();
        }
    }

    @Test
    void aStreamThatTheClientAbortsIsCancelled() {
        try (LiveServer server = LiveServer.endless(2_000_000).start()) {
            NodeClient.Output output = CLIENT.run("client.mjs", server.uri("/v1").toString(),
                    LiveServer.MODEL);

            assertThat(output.exitCode()).as(output.text()).isZero();
            Awaitility.await().untilAsserted(() -> assertThat(server.meter().finished().getLast()
                    .reason()).isEqualTo(FinishReason.CANCELLED));
        }
    }

    @Test
    void theOfficialClientCallsFunctions() {
        String words = "{# <think> <tool_call> #}{{ tools | tojson }}{{ messages | tojson }}";
        String said = "<think>Up.</think>I look.\n<tool_call>\n{\"name\": \"look\", "
                + "\"arguments\": {\"where\": \"up\"}}\n</tool_call>";
        ScriptedForwardPass random = new ScriptedForwardPass(
                NextToken.any(FakeTokenizer.VOCABULARY_SIZE)).draws(0);
        try (LiveServer scripted = LiveServer.with(new ScriptedForwardPass(
                NextToken.answer(said))).template(ChatTemplate.compile(words)).context(4096)
                .start();
                LiveServer knowsNothing = LiveServer.with(random)
                        .template(ChatTemplate.compile(words)).context(4096).start()) {
            NodeClient.Output output = CLIENT.run("tools.mjs", scripted.uri("/v1").toString(),
                    knowsNothing.uri("/v1").toString(), LiveServer.MODEL);

            assertThat(output.exitCode()).as(output.text()).isZero();
            assertThat(output.text().lines().filter(line -> line.startsWith("ok "))).hasSize(3);
        }
    }
}
