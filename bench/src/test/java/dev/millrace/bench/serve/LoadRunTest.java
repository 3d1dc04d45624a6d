package dev.millrace.bench.serve;

import dev.millrace.bench.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class LoadRunTest {

    private static final RandomPrompts PROMPTS = new RandomPrompts(1000, 0, 1);

    @TempDir
    private Path folder;

    private static List<Answered> run(StreamingServer server, Workload workload)
            throws InterruptedException {
        try (StreamingClient client = new StreamingClient(server.url(), "m",
                Duration.ofSeconds(60))) {
            return new LoadRun(client, PROMPTS, workload, false, ended -> {}).run();
        }
    }

    @Test
    void clientsWaitForTheirAnswers() throws Exception {
        try (StreamingServer server = new StreamingServer(StreamingServer.tokens(1))) {
            List<Answered> answers = run(server, Workload.closed(3, 4, 10, 6));
            assertThat(answers).hasSize(12).allSatisfy(answer -> {
                assertThat(answer.failure()).isNull();
                assertThat(answer.tokens()).isEqualTo(6);
                assertThat(answer.gaps()).hasSize(5);
                assertThat(answer.firstNanos()).isBetween(answer.dueNanos(), answer.endNanos());
            });
            assertThat(server.mostRunning).hasValueBetween(1, 3);
            LoadResult result = LoadResult.of(answers, 60_000, 60_000);
            assertThat(result.tokens()).isEqualTo(72);
            assertThat(result.costUsd()).isEqualTo(6);
            assertThat(result.usdPerMillion()).isEqualTo(6 / 72.0 * 1e6);
        }
    }

    @Test
    void goodputCountsWhatMetBothObjectives() {
        long[] gaps = {2_000_000, 4_000_000};
        List<Answered> answers = List.of(
                new Answered(0, 5_000_000, 11_000_000, 3, 9, 0, gaps, 0.5, null),
                new Answered(1_000_000_000, 1_050_000_000, 2_000_000_000, 3, 9, 0, gaps, 0.5,
                        null),
                Answered.failed(0, 2_000_000_000, "no"));

        assertThat(LoadResult.of(answers, 60_000, 60_000).goodput()).isEqualTo(1);
        assertThat(LoadResult.of(answers, 5, 3).goodput()).isEqualTo(0.5);
        assertThat(LoadResult.of(answers, 5, 2.9).goodput()).isZero();
        assertThat(LoadResult.of(answers, 4.9, 60_000).goodput()).isZero();
        assertThat(LoadResult.of(answers, 50, 475).goodput()).isEqualTo(1);
    }

    @Test
    void aTurnOfAChatGoesOnFromTheLastAndSaltsTellRequestsApart() throws Exception {
        List<JsonNode> seen = new CopyOnWriteArrayList<>();
        StreamingServer.Answer answer = (request, exchange) -> {
            seen.add(request);
            StreamingServer.tokens(0).write(request, exchange);
        };
        Workload chats = Workload.chats(1, 3, 5, 4, 2);
        try (StreamingServer server = new StreamingServer(answer);
                StreamingClient client = new StreamingClient(server.url(), "m",
                        Duration.ofSeconds(60))) {
            new LoadRun(client, new RandomPrompts(1000, 5, 1), chats, true, ended -> {}).run();
        }
        assertThat(chats.label()).isEqualTo("2 chats, 3 turns");
        List<List<Integer>> prompts = seen.stream().map(request -> request.path("prompt").values()
                .stream().map(JsonNode::intValue).toList()).toList();
        assertThat(prompts).extracting(List::size).containsExactly(9, 9, 15, 15, 21, 21);
        assertThat(prompts.get(2).subList(0, 9)).isEqualTo(prompts.get(0));
        assertThat(prompts.get(5).subList(0, 15)).isEqualTo(prompts.get(3));
        assertThat(prompts.get(1).subList(0, 5)).isEqualTo(prompts.get(0).subList(0, 5));
        assertThat(prompts.get(1).get(5)).isNotEqualTo(prompts.get(0).get(5));
        assertThat(seen).extracting(request -> request.path("cache_salt").stringValue())
                .doesNotHaveDuplicates();
    }

    /** A server that stalls must not hold back the requests that would show it. */
    @Test
    void anOpenLoopDoesNotWaitForAnswers() throws Exception {
        CountDownLatch all = new CountDownLatch(8);
        StreamingServer.Answer stall = (request, exchange) -> {
            all.countDown();
            try {
                all.await(60, TimeUnit.SECONDS); // nobody is answered before everybody has asked
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            StreamingServer.tokens(0).write(request, exchange);
        };
        try (StreamingServer server = new StreamingServer(stall)) {
            Workload workload = Workload.poisson(20, 8, 4, 2, 1);
            List<Answered> answers = run(server, workload);
            assertThat(answers).allMatch(Answered::succeeded);
            long lastDueNanos = workload.requests().getLast().atNanos();
            for (int i = 0; i < answers.size(); i++) {
                long dueNanos = workload.requests().get(i).atNanos();
                assertThat(answers.get(i).dueNanos()).isEqualTo(dueNanos);
                assertThat(answers.get(i).firstNanos()).isGreaterThanOrEqualTo(lastDueNanos);
                assertThat(answers.get(i).firstMillis())
                        .isGreaterThanOrEqualTo((lastDueNanos - dueNanos) * 1e-6);
            }
        }
    }

    @Test
    void failuresAreCountedByReasonAndTimedNowhere() throws Exception {
        StreamingServer.Answer answer = (request, exchange) -> {
            switch (request.path("prompt").size()) {
                case 1 -> exchange.sendResponseHeaders(503, -1);
                case 2 -> {
                    exchange.sendResponseHeaders(200, 0);
                    StreamingServer.event(exchange.getResponseBody(),
                            "{\"choices\":[{\"text\":\"a\",\"finish_reason\":null}]}");
                }
                case 3 -> {
                    exchange.sendResponseHeaders(200, 0);
                    StreamingServer.event(exchange.getResponseBody(),
                            "{\"error\":{\"message\":\"no\"}}");
                }
                case 4 -> {
                    exchange.sendResponseHeaders(200, 0);
                    StreamingServer.event(exchange.getResponseBody(), "{not json");
                }
                default -> StreamingServer.tokens(0).write(request, exchange);
            }
        };
        try (StreamingServer server = new StreamingServer(answer)) {
            List<PlannedRequest> requests = List.of(new PlannedRequest(0, 1, 2),
                    new PlannedRequest(0, 2, 2), new PlannedRequest(0, 3, 2),
                    new PlannedRequest(0, 4, 2), new PlannedRequest(0, 5, 2));
            List<Answered> answers = run(server, new Workload("odd", 1, requests));
            assertThat(answers.get(0).failure()).contains("503");
            assertThat(answers.get(1).failure()).contains("ended early, after 1");
            assertThat(answers.get(2).failure()).contains("\"no\"");
            assertThat(answers.get(3).succeeded()).isFalse();
            LoadResult result = LoadResult.of(answers, 60_000, 60_000);
            assertThat(result.failures().values()).containsExactly(1L, 1L, 1L, 1L);
            assertThat(result.tokens()).isEqualTo(2);
            assertThat(result.requests()).isEqualTo(5);
        }
    }

    @Test
    void aServerThatIsNotThereIsAFailureOfEachRequest() throws Exception {
        String url;
        try (StreamingServer server = new StreamingServer(StreamingServer.tokens(0))) {
            url = server.url();
        }
        try (StreamingClient client = new StreamingClient(url + "/v1/", "m",
                Duration.ofSeconds(5))) {
            assertThat(client.url()).hasToString(url + "/v1/completions");
            LoadResult result = LoadResult.of(new LoadRun(client, PROMPTS,
                    Workload.closed(1, 2, 4, 4), false, ended -> {}).run(), 1000, 100);
            assertThat(result.failures()).hasSize(1).containsValue(2L);
            assertThat(result.first().p50()).isNaN();
        }
    }

    @Test
    void anAddressThatIsNoneIsRefused() {
        for (String url : List.of("127.0.0.1:8080", "nonsense", "http://", "http://a b")) {
            assertThatIllegalArgumentException().as(url)
                    .isThrownBy(() -> new StreamingClient(url, "m", Duration.ofSeconds(1)).close())
                    .withMessageContaining(url);
        }
    }

    @Test
    void percentilesAreValuesThatOccurred() {
        double[] values = new double[200];
        for (int i = 0; i < values.length; i++) {
            values[i] = 200 - i;
        }
        assertThat(Percentiles.of(values)).isEqualTo(new Percentiles(100, 190, 198, 200));
        assertThat(Percentiles.of(3)).isEqualTo(new Percentiles(3, 3, 3, 3));
    }

    @Test
    void aWholeRunWritesResultsAndAPage() throws IOException {
        try (StreamingServer server = new StreamingServer(StreamingServer.tokens(1));
                StreamingServer peer = new StreamingServer(StreamingServer.tokens(3))) {
            int code = Main.commandLine().execute("serve", "--url",
                    server.url(), "--peer-url", peer.url(), "--peer-name", "other", "--model",
                    "m", "--clients", "1,2", "--requests", "2", "--output-tokens", "5",
                    "--results", folder.resolve("r.jsonl").toString(), "--html",
                    folder.resolve("r.html").toString());
            assertThat(code).isZero();
            assertThat(Files.readAllLines(folder.resolve("r.jsonl"))).hasSize(4)
                    .anySatisfy(line -> assertThat(line).contains("\"2 clients\"", "\"other\"",
                            "usd_per_million", "first_token_ms"));
            assertThat(Files.readString(folder.resolve("r.html")))
                    .contains("Serving", "2 clients", "other");
        }
    }

    @Test
    void aRunWithFailuresFails() throws IOException {
        try (StreamingServer server = new StreamingServer(
                (request, exchange) -> exchange.sendResponseHeaders(500, -1))) {
            assertThat(Main.commandLine().execute("serve", "--url",
                    server.url(), "--model", "m", "--clients", "1", "--results",
                    folder.resolve("r.jsonl").toString())).isEqualTo(1);
        }
    }
}
