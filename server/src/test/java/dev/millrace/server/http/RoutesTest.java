package dev.millrace.server.http;

import dev.millrace.models.store.Licence;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.TextSpan;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class RoutesTest {

    private LiveServer server = LiveServer.saying("ok");

    @AfterEach
    void stop() {
        server.close();
    }

    private void restart(LiveServer.Setup setup) {
        server.close();
        server = setup.start();
    }

    /** A template that goes wrong with clients' messages, in a way of the test's choosing. */
    private record FailingTemplate(Runnable failure) implements ChatTemplate {

        @Override
        public List<TextSpan> render(Map<String, Object> context) {
            if (String.valueOf(context.get("messages")).contains(Chat.CONTENT)) {
                failure.run();
            }
            return List.of();
        }

        @Override
        public String source() {
            return "";
        }
    }

    @Test
    void modelsAreListed() throws Exception {
        JsonNode list = LiveServer.json(server.get("/v1/models").body());

        assertThat(list.get("object").stringValue()).isEqualTo("list");
        assertThat(list.get("last_id").stringValue()).isEqualTo("scripted-embedder");
        assertThat(list.get("data").toString()).isEqualTo("[{\"id\":\"scripted\",\"object\":"
                + "\"model\",\"created\":1700000000,\"owned_by\":\"millrace\","
                + "\"type\":\"model\",\"display_name\":\"scripted\",\"created_at\":"
                + "\"2023-11-14T22:13:20Z\",\"max_model_len\":512,"
                + "\"license\":\"llama3.2\",\"status\":{\"value\":"
                + "\"loaded\"},\"license_restriction\":\""
                + Licence.of("llama3.2").restriction().orElseThrow().replace("\"", "\\\"")
                + "\"},{\"id\":\"scripted-embedder\",\"object\":\"model\",\"created\":"
                + "1700000000,\"owned_by\":\"millrace\",\"type\":\"model\",\"display_name\":"
                + "\"scripted-embedder\",\"created_at\":\"2023-11-14T22:13:20Z\","
                + "\"max_model_len\":64,"
                + "\"license\":\"apache-2.0\",\"status\":{\"value\":\"loaded\"}}]");
    }

    @Test
    void aModelIsFoundByItsId() throws Exception {
        assertThat(LiveServer.json(server.get("/v1/models/scripted").body()).get("id")
                .stringValue()).isEqualTo("scripted");
    }

    @Test
    void anUnknownModelIsNotFoundWithAListOfThoseThatAre() throws Exception {
        for (HttpResponse<String> response : List.of(server.get("/v1/models/gpt-5"),
                server.post(Chat.PATH, "{\"model\":\"gpt-5\",\"messages\":[]}"),
                server.post(Chat.COMPLETIONS, "{\"model\":\"gpt-5\",\"prompt\":\"a\"}"))) {
            assertThat(response.statusCode()).isEqualTo(404);
            JsonNode error = LiveServer.json(response.body()).get("error");
            assertThat(error.get("code").stringValue()).isEqualTo("model_not_found");
            assertThat(error.get("message").stringValue()).contains("gpt-5").contains("scripted");
        }
    }

    @ParameterizedTest
    @CsvSource({"POST,/,405", "GET,/v1,404", "GET,/v1/embeddings,405", "POST,/v1/nothing,404",
        "GET,/v1/chat/completions,405", "DELETE,/v1/models,405", "PUT,/health,405",
        "OPTIONS,/v1/chat/completions,405"})
    void whatIsNotThereIsSaidInTheEnvelope(String method, String path, int status)
            throws Exception {
        HttpResponse<String> response = server.send(HttpRequest.newBuilder(server.uri(path))
                .method(method, BodyPublishers.noBody()).build());

        assertThat(response.statusCode()).isEqualTo(status);
        JsonNode error = LiveServer.json(response.body()).get("error");
        assertThat(error.get("type").stringValue()).isEqualTo("invalid_request_error");
        assertThat(error.get("message").stringValue()).contains(method).contains(path);
        assertThat(response.headers().firstValue("allow").isPresent()).isEqualTo(status == 405);
    }

    @ParameterizedTest
    @CsvSource({"/chat/completions, let the client's base URL end in /v1",
        "/v1/v1/models, leave it out of its base URL"})
    void aBaseUrlThatIsWrongIsToldWhatItShouldBe(String path, String advice) throws Exception {
        assertThat(server.post(path, "{}").body()).contains(advice);
    }

    @Test
    void theClientsRequestIdIsEchoedIfItIsHarmless() throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(server.uri("/health"));

        assertThat(server.send(request.setHeader("x-request-id", "job-7.a_b").build()).headers()
                .firstValue("x-request-id")).contains("job-7.a_b");
        assertThat(server.send(request.setHeader("x-request-id", "<script>").build()).headers()
                .firstValue("x-request-id").orElseThrow()).matches("req_[0-9a-f]{32}");
    }

    @Test
    void metricsTellOfRequestsTokensTimesAndCosts() throws Exception {
        server.post(Chat.PATH, Chat.body(""));
        server.post(Chat.PATH, Chat.body("\"n\": 0"));

        HttpResponse<String> response = server.get("/metrics");

        String ofModel = "{engine=\"0\",model_name=\"scripted\"} ";
        assertThat(response.headers().firstValue("content-type").orElseThrow())
                .startsWith("text/plain");
        assertThat(response.body().lines()).contains(
                "vllm:prompt_tokens_total" + ofModel + "19.0",
                "vllm:generation_tokens_total" + ofModel + "3.0",
                "vllm:prefix_cache_hits_total" + ofModel + "0.0",
                "vllm:request_success_total{engine=\"0\",finished_reason=\"stop\","
                        + "model_name=\"scripted\"} 1.0",
                "vllm:num_requests_running" + ofModel + "0.0",
                "vllm:num_requests_waiting" + ofModel + "0.0",
                "vllm:inter_token_latency_seconds_count" + ofModel + "1",
                "vllm:prefix_cache_queries_total" + ofModel + "19.0",
                "vllm:request_prefill_time_seconds_count" + ofModel + "1",
                "vllm:kv_cache_usage_perc" + ofModel + "0.0",
                "vllm:request_generation_tokens_sum" + ofModel + "3.0",
                "vllm:time_to_first_token_seconds_count" + ofModel + "1",
                "vllm:e2e_request_latency_seconds_count" + ofModel + "1",
                "vllm:request_queue_time_seconds_count" + ofModel + "1",
                "millrace_cost_usd_total{model_name=\"scripted\"} 1.903E-5",
                "millrace_energy_joules_total{model_name=\"scripted\"} 0.25",
                "millrace_http_requests_total{endpoint=\"/v1/chat/completions\",method=\"POST\","
                        + "status=\"200\"} 1.0",
                "millrace_http_requests_total{endpoint=\"/v1/chat/completions\",method=\"POST\","
                        + "status=\"400\"} 1.0",
                "millrace_build{version=\"development\"} 1.0",
                "millrace_served_model{architecture=\"script\",backend=\"a script\","
                        + "model_name=\"scripted\"} 1.0");
    }

    @Test
    void pathsThatClientsInventDoNotBecomeMetrics() throws Exception {
        for (int i = 0; i < 5; i++) {
            server.get("/invented/" + i);
        }

        assertThat(server.get("/metrics").body()).doesNotContain("invented")
                .contains("endpoint=\"unmatched\"");
    }

    @Test
    void methodsThatClientsInventDoNotBecomeMetrics() throws Exception {
        for (int i = 0; i < 5; i++) {
            server.send(HttpRequest.newBuilder(server.uri("/v1/models"))
                    .method("INVENTED" + i, BodyPublishers.noBody()).build());
        }

        assertThat(server.get("/metrics").body()).doesNotContain("INVENTED")
                .contains("endpoint=\"unmatched\",method=\"other\",status=\"405\"} 5.0");
    }

    @Test
    void aWebSocketIsNotOfferedAndThatIsSaidInTheEnvelope() throws Exception {
        try (RawClient client = new RawClient(server.port())) {
            client.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");

            assertThat(client.readUntil("\r\n\r\n")).startsWith("HTTP/1.1 404");
            assertThat(client.readUntil("}}")).contains("{\"error\":{");
        }
    }

    @Test
    void anErrorOfTheJvmIsAnsweredAndSurvived() throws Exception {
        restart(LiveServer.endless(0).template(new FailingTemplate(() -> {
            throw new StackOverflowError("injected");
        })));

        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(LiveServer.json(response.body()).at("/error/message").stringValue())
                .isEqualTo("the server failed; see its log");
        assertThat(server.get("/health").statusCode()).isEqualTo(200);
    }

    @Test
    void aBugIsAnsweredWithTheIdUnderWhichItIsLogged() throws Exception {
        restart(LiveServer.endless(0).template(new FailingTemplate(() -> {
            throw new IllegalStateException("/secret/path");
        })));

        HttpResponse<String> response = server.post(Chat.PATH, Chat.body(""));

        assertThat(response.statusCode()).isEqualTo(500);
        assertThat(response.body()).doesNotContain("secret").contains(
                response.headers().firstValue("x-request-id").orElseThrow());
    }
}
