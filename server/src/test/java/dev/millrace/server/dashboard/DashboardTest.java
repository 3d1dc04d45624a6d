package dev.millrace.server.dashboard;

import dev.millrace.server.fixtures.Browser;
import dev.millrace.server.metering.LedgerFixture;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.prices.Counterfactual;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.openai.Caller;
import dev.millrace.server.openai.Exchange;
import dev.millrace.server.openai.HttpLimits;
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
import java.util.Map;
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

    @BeforeEach
    void start() throws Exception {
        Path ledger = folder.resolve("ledger.db");
        try (LedgerFixture books = new LedgerFixture(ledger, false)) {
            books.serve(new MeteredRequest("<b>a</b>", "llama-3.1-8b-instruct", "tenant",
                    "/v1/completions", null, "search", null, "default",
                    new RequestLabels("talk-1", Map.of("<i>feature</i>", "chat"))));
        }
        DashboardRoutes routes = new DashboardRoutes(LedgerAddress.ofFile(ledger),
                Counterfactual.of(PriceCatalog.bundled(LocalDate.of(2026, 11, 21))),
                Clock.systemUTC());
        server = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            routes.register(config.routes, new Exchange(HttpLimits.DEFAULT,
                    request -> new Caller(Identity.LOCAL, null)));
        }).start("127.0.0.1", 0);
    }

    @AfterEach
    void stop() {
        server.stop();
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
