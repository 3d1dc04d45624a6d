package dev.millrace.server.dashboard;

import dev.millrace.server.budgets.BudgetQuote;
import dev.millrace.server.budgets.BudgetRoutes;
import dev.millrace.server.fixtures.Browser;
import dev.millrace.server.metering.InternalPrices;
import dev.millrace.server.metering.LedgerFixture;
import dev.millrace.server.metering.LedgerView;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.metering.TokenTimes;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.Budgets;
import dev.millrace.server.metering.budget.Payer;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.openai.completion.Caller;
import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.openai.wire.Fields;
import dev.millrace.server.openai.wire.HttpLimits;
import dev.millrace.server.openai.wire.Json;
import dev.millrace.server.tenants.Identity;
import io.javalin.Javalin;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;
import static org.junit.jupiter.api.Assumptions.*;

/** The dashboard over docs/cost.md's worked example: 1.2 s of work in 2 s, at 3.60 USD/h. */
@Timeout(120)
class DashboardTest {

    @TempDir
    Path folder;

    private Javalin server;
    private LedgerView view;
    private BudgetGate gate;

    @BeforeEach
    void start() throws Exception {
        Path ledger = folder.resolve("ledger.db");
        try (LedgerFixture books = new LedgerFixture(ledger, false)) {
            books.serve(new MeteredRequest("<b>a</b>", "llama-3.1-8b-instruct", "tenant",
                    "/v1/completions", null, "search", null, "default",
                    new RequestLabels("talk-1", Map.of("<i>feature</i>", "chat"))));
        }
        Budgets budgets = Budgets.open(LedgerAddress.ofFile(ledger), Clock.systemUTC(),
                BudgetEvents.NOBODY);
        budgets.set(new Budget(BudgetScope.TEAM, "tenant", BudgetPeriod.MONTH,
                OptionalLong.of(2_000_000), OptionalLong.of(1_000_000), ZoneOffset.UTC));
        budgets.set(new Budget(BudgetScope.SERVER, "", BudgetPeriod.MONTH,
                OptionalLong.of(9_000_000), OptionalLong.empty(), ZoneOffset.UTC));
        TokenTimes times = new TokenTimes();
        times.add("llama-3.1-8b-instruct", 100, 200_000_000, 50, 1_000_000_000);
        gate = new BudgetGate(budgets, times,
                () -> CostModel.ofRent(3_600_000_000L, false), InternalPrices.AT_COST);
        budgets.reserve(new Payer("tenant", null, null), List.of(new Budgets.Wanted("b",
                500_000)));
        view = new LedgerView(LedgerAddress.ofFile(ledger));
        DashboardRoutes routes = new DashboardRoutes(view,
                Counterfactual.of(PriceCatalog.bundled(LocalDate.of(2026, 11, 21))), gate,
                Clock.systemUTC());
        server = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            Exchange exchange = new Exchange(HttpLimits.DEFAULT,
                    request -> new Caller(Identity.LOCAL, null));
            config.routes.before(context -> Identity.LOCAL.owns(context.req()));
            routes.register(config.routes, exchange);
            new BudgetRoutes(budgets).register(config.routes, exchange);
        }).start("127.0.0.1", 0);
    }

    @AfterEach
    void stop() {
        server.stop();
        view.close();
    }

    @Test
    void theFiguresAreTheLedgers() throws Exception {
        JsonNode figures = new JsonMapper().readTree(get("/v1/cost/overview?window=1h").body());

        assertThat(figures.at("/all/usage_nano_usd").longValue()).isEqualTo(1_200_000);
        assertThat(figures.at("/all/allocation_nano_usd").doubleValue()).isCloseTo(2_000_000,
                within(1e-3));
        assertThat(figures.at("/models/0/name").stringValue()).isEqualTo("llama-3.1-8b-instruct");
        assertThat(figures.at("/tenants/0/name").stringValue()).isEqualTo("tenant");
        assertThat(figures.at("/bill_nano_usd/idle").longValue()).isEqualTo(800_000);
        assertThat(figures.get("balances").booleanValue()).isTrue();
        assertThat(figures.get("elsewhere").size()).isEqualTo(3);
        JsonNode host = figures.at("/elsewhere/0");
        assertThat(host.get("saved_nano_usd").doubleValue()).isCloseTo(
                host.get("nano_usd").longValue() - 2_000_000.0, within(1e-3));
        long inBars = 0;
        for (JsonNode bar : figures.get("bars")) {
            inBars += bar.get("usage_nano_usd").longValue();
        }
        assertThat(inBars).isEqualTo(1_200_000);
        assertThat(figures.at("/recent/0/completion_tokens").intValue()).isEqualTo(50);
    }

    /** As docs/cost.md works it out: 100 x 2 ms + 50 x 20 ms, twice. */
    @Test
    void anEstimateSaysWhetherTheBudgetsAllowIt() throws Exception {
        JsonNode quote = estimate("{\"model\": \"llama-3.1-8b-instruct\", \"prompt_tokens\": 100,"
                + " \"completion_tokens\": 50}");
        assertThat(quote.get("set_aside_nano_usd").longValue()).isEqualTo(2_400_002);
        assertThat(quote.get("affordable").booleanValue()).isTrue();
        assertThat(quote.at("/budgets/0/left_nano_usd").longValue())
                .isEqualTo(9_000_000 - 1_200_000 - 500_000);

        assertThat(estimate("{\"model\": \"llama-3.1-8b-instruct\", \"completion_tokens\": 300,"
                + " \"service_tier\": \"flex\"}").get("affordable").booleanValue()).isFalse();
        assertThatExceptionOfType(ApiException.class).isThrownBy(() -> new BudgetQuote(gate).add(
                Json.object(), new Fields(Json.object().put("service_tier", "now")),
                Identity.LOCAL)).withMessageContaining("default, flex or priority");
    }

    private JsonNode estimate(String body) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return new JsonMapper().readTree(client.send(HttpRequest.newBuilder(URI.create(
                    "http://127.0.0.1:" + server.port() + "/v1/cost/estimate"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                    BodyHandlers.ofString()).body());
        }
    }

    @Test
    void thePageHoldsNothingAndLoadsNothingFromElsewhere() throws Exception {
        HttpResponse<String> page = get("/dashboard");

        assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
                .contains("default-src 'none'", "script-src 'sha256-", "connect-src 'self'");
        assertThat(page.body()).doesNotContain("src=", "https://", "llama");
    }

    @Test
    void theBrowserShowsTheFiguresAndOneRequest() throws Exception {
        assumeTrue(Browser.find().isPresent(), "no browser is installed: chromium");
        try (Browser browser = Browser.start(folder.resolve("profile"))) {
            browser.view(1200, 1000, false);
            browser.open(URI.create("http://127.0.0.1:" + server.port() + "/dashboard"));
            browser.await("!document.querySelector('main').hidden");

            assertThat(browser.text("#tiles")).contains("$0.002", "60.0 %", "lost against");
            assertThat(browser.text("#state")).contains("the books balance to the nano-dollar");
            assertThat(browser.text("#elsewhere tbody")).contains("the same");
            assertThat(browser.value("document.querySelectorAll('#time rect').length").intValue())
                    .isEqualTo(24);
            browser.await("document.querySelectorAll('#budgets svg').length === 2");
            assertThat(browser.text("#budgets")).contains("team tenant, per month", "$0.0012");
            picture(browser, "dashboard");
            browser.view(1200, 1000, true);
            picture(browser, "dashboard-dark");
            browser.value("document.querySelector('#recent tbody tr').focus()");
            browser.press("Enter");
            assertThat(browser.value("document.getElementById('detail').open").booleanValue())
                    .isTrue();
            assertThat(browser.text("#detail")).contains("<b>a</b>", "/v1/completions", "tenant",
                    "search", "talk-1", "<i>feature</i>: chat");
            picture(browser, "dashboard-request");
            assertThat(browser.complaints()).isEmpty();
        }
    }

    /** Keeps a picture where {@code MILLRACE_PICTURES} names a folder. */
    private static void picture(Browser browser, String name) throws IOException {
        String pictures = System.getenv("MILLRACE_PICTURES");
        if (pictures != null) {
            Files.write(Path.of(pictures, name + ".png"), browser.picture());
        }
    }

    private HttpResponse<String> get(String path) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                    + server.port() + path)).build(), BodyHandlers.ofString());
        }
    }
}
