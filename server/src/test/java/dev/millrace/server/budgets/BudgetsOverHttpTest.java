package dev.millrace.server.budgets;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.budget.Dollars;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.report.TraceRow;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.*;
import static org.awaitility.Awaitility.await;

/** A server with a real ledger at a nano-dollar per microsecond, whose model says letters. */
@Timeout(300)
class BudgetsOverHttpTest {

    @TempDir
    static Path folder;

    private static LiveServer server;

    @BeforeAll
    static void start() throws Exception {
        server = LiveServer.with(new ScriptedForwardPass(NextToken.letters()).takes(200_000, 0))
                .ledger(folder.resolve("ledger.db"), CostModel.ofRent(3_600_000_000L, false))
                .start();
        server.answer(Chat.PATH, chat(5)); // so that it is known what a token takes
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @AfterEach
    void removeBudgets() {
        server.pass().takes(200_000, 0);
        server.gate().budgets().statuses().forEach(status -> server.gate().budgets()
                .remove(status.budget().id()));
    }

    private static BudgetStatus status() {
        return server.gate().budgets().statuses().getFirst();
    }

    private JsonNode set(String budget) throws Exception {
        HttpResponse<String> response = server.post("/v1/budgets", budget.replace('\'', '"'));
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return LiveServer.json(response.body());
    }

    private static String chat(int tokens) {
        return Chat.body("\"max_tokens\": " + tokens);
    }

    private static String usd(long nanoUsd) {
        return Dollars.text(nanoUsd);
    }

    private static long spent() {
        return rows().stream().mapToLong(TraceRow::chargedNanoUsd).sum();
    }

    private static List<TraceRow> rows() {
        List<TraceRow> rows = new ArrayList<>();
        try (LedgerReader reader = LedgerReader.open(folder.resolve("ledger.db"))) {
            reader.forEachRequest(rows::add);
        }
        return rows;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "/v1/chat/completions | /error/code | budget_exceeded | 'messages': $",
        "/v1/chat/completions | /error/type | insufficient_quota | 'messages': $, 'stream': true",
        "/v1/completions | /error/budget/scope | server | 'prompt': 'a', 'n': 3, 'best_of': 4",
        "/v1/embeddings | /error/code | budget_exceeded | 'input': 'a'",
        "/v1/rerank | /error/code | budget_exceeded | 'query': 'a', 'documents': ['b']",
        "/v1/messages | /error/type | billing_error | 'max_tokens': 5, 'messages': $",
        "/v1/responses | /error/code | budget_exceeded | 'input': 'a', 'store': false",
        "/api/chat | /error | | 'messages': $", "/api/embed | /error | | 'input': 'a'"})
    void everythingThatRunsIsTurnedAwayWithoutMoney(String path, String pointer, String value,
            String body) throws Exception {
        int before = rows().size();
        set("{'scope':'server','period':'month','hard_usd':%s,'time_zone':'Asia/Tokyo'}"
                .formatted(usd(spent() + 1_000)));

        String model = path.contains("embed") || path.contains("rerank")
                ? LiveServer.EMBEDDER
                : LiveServer.MODEL;
        HttpResponse<String> response = server.post(path, ("{'model': '" + model + "', " + body
                + "}").replace("$", "[{'role': 'user', 'content': 'a'}]").replace('\'', '"'));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(402);
        JsonNode error = LiveServer.json(response.body());
        assertThat(error.at(pointer).stringValue()).contains(value == null ? "the budget" : value);
        assertThat(error.at("/error").isString()
                ? error.at("/error").stringValue()
                : error.at("/error/message").stringValue()).contains("server, per month",
                        "0.000001 USD are left", "wait until ", "T15:00:00Z");
        assertThat(Long.parseLong(response.headers().firstValue("Retry-After").orElseThrow()))
                .isPositive();
        assertThat(status().setAsideNanoUsd()).isZero();
        assertThat(rows()).as("nothing ran").hasSize(before);
    }

    @Test
    void anAnswerThatUsesUpItsBudgetEndsThereAndSaysSo() throws Exception {
        // what a token takes from now on is not what it took: the forecast is wrong by far
        server.pass().takes(40_000_000, 0);
        long most = server.gate().mostNanoUsd(LiveServer.MODEL, "default", 40, 30);
        set("{'scope':'team','name':'local','period':'day','hard_usd':%s}".formatted(
                usd(spent() + most + 60_000)));

        JsonNode answer = server.answer(Chat.PATH, chat(30));

        assertThat(answer.at("/choices/0/finish_reason").stringValue()).as(answer.toString())
                .isEqualTo("length");
        assertThat(answer.at("/usage/completion_tokens").intValue()).isBetween(1, 29);
        assertThat(answer.at("/usage/cost_details/ended_by_budget").booleanValue()).isTrue();
        assertThat(answer.at("/usage/cost_details/charged_nano_usd").longValue())
                .isLessThanOrEqualTo(most + 60_000);
        assertThat(status().leftNanoUsd().orElseThrow()).isNotNegative();
        assertThat(status().setAsideNanoUsd()).isZero();
    }

    @Test
    void manyClientsAtOnceSpendNoMoreThanThereIs() throws Exception {
        long most = server.gate().mostNanoUsd(LiveServer.MODEL, "default", 40, 20);
        long limit = spent() + 6 * most;
        set("{'scope':'server','period':'day','hard_usd':%s}".formatted(usd(limit)));
        List<Future<HttpResponse<String>>> answers = new ArrayList<>();
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < 200; i++) {
                HttpRequest request = server.jsonRequest(Chat.PATH, i % 2 == 0
                        ? chat(20)
                        : Chat.body("\"max_tokens\": 20, \"stream\": true"));
                answers.add(clients.submit(() -> server.send(request)));
            }
        }
        int served = 0;
        for (Future<HttpResponse<String>> answer : answers) {
            int status = answer.get().statusCode();
            assertThat(status).as(answer.get().body()).isIn(200, 402);
            served += status == 200 ? 1 : 0;
        }
        assertThat(served).isPositive(); // how many more depends on what each really cost
        await().until(() -> status().setAsideNanoUsd() == 0);
        assertThat(status().spentNanoUsd()).isLessThanOrEqualTo(limit)
                .isEqualTo(spent());
    }

    @Test
    void aSoftBudgetWarnsAndGoesOn() throws Exception {
        set("{'scope':'team','name':'local','period':'day','soft_usd':0.000000001}");
        set("{'scope':'server','period':'month','hard_usd':7,'soft_usd':6}");

        HttpResponse<String> response = server.post(Chat.PATH, chat(5));

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("x-budget-warning").orElseThrow())
                .startsWith("team local, per day: 0.00").endsWith("soft limit 0.000000001 USD");
        assertThat(response.headers().firstValue("x-budget-left-usd").orElseThrow())
                .startsWith("6.99");
        assertThat(response.headers().firstValue("x-budget-reset")).isPresent();
        assertThat(server.get("/metrics").body()).contains(
                "millrace_budget_hard_usd{name=\"\",period=\"month\",scope=\"server\"} 7.0",
                "millrace_budget_spent_usd{name=\"local\",period=\"day\",scope=\"team\"}");
    }

    @Test
    void adminsSetListAndRemoveBudgets() throws Exception {
        JsonNode made = set("{'scope':'project','name':'search','period':'month','hard_usd':12.5,"
                + "'soft_usd':10,'time_zone':'Europe/Berlin'}");
        assertThat(made.get("hard_nano_usd").longValue()).isEqualTo(12_500_000_000L);
        assertThat(made.get("left_nano_usd").longValue()).isEqualTo(12_500_000_000L);

        JsonNode list = LiveServer.json(server.get("/v1/budgets").body()).get("data");
        assertThat(list.size()).isEqualTo(1);
        assertThat(list.get(0).get("time_zone").stringValue()).isEqualTo("Europe/Berlin");

        assertThat(delete("/v1/budgets/project/search/month").statusCode()).isEqualTo(200);
        assertThat(delete("/v1/budgets/project/search/month").statusCode()).isEqualTo(404);
        assertThat(delete("/v1/budgets/server/week").statusCode()).isEqualTo(400);
        assertThat(LiveServer.json(server.get("/v1/budgets").body()).get("data").size()).isZero();
    }

    private HttpResponse<String> delete(String path) throws Exception {
        return server.send(HttpRequest.newBuilder(server.uri(path)).DELETE().build());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"{} | scope is required",
        "{'scope':'king','period':'day'} | scope must be server, team, project or key",
        "{'scope':'server','period':'day'} | a hard limit, a soft one or both",
        "{'scope':'server','period':'day','hard_usd':-1} | from 0 to 1000000000.00 USD",
        "{'scope':'server','period':'day','hard_usd':0.0000000001} | at most 9 decimals",
        "{'scope':'server','period':'day','hard_usd':'5'} | must be a number of dollars",
        "{'scope':'server','period':'day','hard_usd':1e400} | must be a number of dollars",
        "{'scope':'team','name':'a','period':'day','hard_usd':5,'time_zone':'Mars'} | such as UTC",
        "{'scope':'team','period':'day','hard_usd':5} | the name of a team must be",
        "{'scope':'team','name':'a','period':'day','limit':5} | unknown field"})
    void aBudgetThatMakesNoSenseIsRefused(String body, String message) throws Exception {
        HttpResponse<String> response = server.post("/v1/budgets",
                body.replace('\'', '"'));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(LiveServer.json(response.body()).at("/error/message").stringValue())
                .contains(message);
    }
}
