package dev.millrace.server.budgets;

import com.sun.net.httpserver.HttpServer;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetEvents.Kind;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

@Timeout(60)
class BudgetWebhookTest {

    private static final byte[] SECRET = "0123456789abcdef".getBytes(StandardCharsets.UTF_8);

    @TempDir
    Path folder;

    @Test
    void eventsAreSignedAndTriedAgain() throws Exception {
        BlockingQueue<String[]> got = new LinkedBlockingQueue<>();
        AtomicInteger calls = new AtomicInteger();
        HttpServer receiver = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        receiver.createContext("/", exchange -> {
            got.add(new String[]{exchange.getRequestHeaders().getFirst("X-Millrace-Timestamp"),
                exchange.getRequestHeaders().getFirst("X-Millrace-Signature"),
                new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)});
            exchange.sendResponseHeaders(calls.incrementAndGet() == 1 ? 503 : 204, -1);
            exchange.close();
        });
        receiver.start();
        Budget budget = new Budget(BudgetScope.TEAM, "research", BudgetPeriod.DAY,
                OptionalLong.of(100), OptionalLong.empty(), ZoneOffset.UTC);
        try (BudgetWebhook webhook = BudgetWebhook.start(new WebhookTarget(URI.create(
                "http://127.0.0.1:" + receiver.getAddress().getPort() + "/hook"), SECRET),
                Duration.ofMillis(1))) {
            webhook.tell(Kind.EXHAUSTED, new BudgetStatus(budget, Instant.EPOCH, Instant.EPOCH, 90,
                    5, 1, 2));
            String[] first = got.poll(30, TimeUnit.SECONDS);
            String[] again = got.poll(30, TimeUnit.SECONDS);
            assertThat(again[2]).isEqualTo(first[2]);
            assertThat(again[1]).isEqualTo("sha256=" + BudgetWebhook.sign(SECRET, again[0] + "."
                    + again[2]));
            assertThat(new JsonMapper().readTree(again[2]).get("type").stringValue())
                    .isEqualTo("budget.exhausted");
            assertThat(again[2]).contains("\"left_nano_usd\":5");
        } finally {
            receiver.stop(0);
        }
    }

    /** The second test case of RFC 4231. */
    @Test
    void theSignatureIsHmacSha256() {
        assertThat(BudgetWebhook.sign("Jefe".getBytes(StandardCharsets.UTF_8),
                "what do ya want for nothing?")).isEqualTo(
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    @Test
    void onlyGoodTargetsAreTaken() throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), "0123456789abcdef\n");
        assertThat(configured("https://hooks.example/a", secret))
                .isEqualTo("https://hooks.example/a");
        refused("must begin with https://", "http://hooks.example/a", secret);
        refused("must begin with https://", "file:///etc/passwd", secret);
        refused("at least 16 bytes", "https://a.example", Files.writeString(
                folder.resolve("short"), "short"));
        refused("cannot read", "https://a.example", folder.resolve("none"));
        assertThatIllegalArgumentException().isThrownBy(() -> WebhookTarget.requireReachable(
                new InetAddress[]{InetAddress.getByName("169.254.169.254")},
                URI.create("https://metadata.example"))).withMessageContaining("not sent to");
    }

    private static void refused(String message, String url, Path secret) {
        assertThatIllegalArgumentException().isThrownBy(() -> configured(url, secret))
                .withMessageContaining(message);
    }

    private static String configured(String url, Path secret) {
        return WebhookTarget.configured(new JsonMapper().createObjectNode().set("budget_webhook",
                new JsonMapper().createObjectNode().put("url", url).put("secret_file",
                        secret.toString())))
                .orElseThrow().url().toString();
    }
}
