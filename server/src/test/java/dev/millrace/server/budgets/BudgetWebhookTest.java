package dev.millrace.server.budgets;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.budgets.WebhookReceiver.Delivery;
import dev.millrace.server.fixtures.Chat;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.PemFixture;
import dev.millrace.server.metering.budget.Budget;
import dev.millrace.server.metering.budget.BudgetEvents.Kind;
import dev.millrace.server.metering.budget.BudgetPeriod;
import dev.millrace.server.metering.budget.BudgetScope;
import dev.millrace.server.metering.budget.BudgetStatus;
import dev.millrace.server.metering.rate.CostModel;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.List;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class BudgetWebhookTest {

    private static final byte[] SECRET = "0123456789abcdef".getBytes(StandardCharsets.UTF_8);
    private static final SSLSocketFactory TLS = (SSLSocketFactory) SSLSocketFactory.getDefault();
    private static final BudgetStatus STATUS = new BudgetStatus(new Budget(BudgetScope.TEAM,
            "research", BudgetPeriod.DAY, OptionalLong.of(100), OptionalLong.empty(),
            ZoneOffset.UTC), Instant.EPOCH, Instant.EPOCH, 90, 5, 1, 2);

    @TempDir
    Path folder;

    private final BlockingQueue<Duration> pauses = new LinkedBlockingQueue<>();

    private static WebhookTarget target(String url, boolean allowsPrivate) {
        return new WebhookTarget(URI.create(url), SECRET, allowsPrivate);
    }

    private BudgetWebhook started(WebhookTarget target, SSLSocketFactory tls,
            BudgetWebhook.Lookup lookup) {
        return BudgetWebhook.start(target, tls, lookup, pauses::add);
    }

    @Test
    void aServerTellsOfItsBudgetsUntilItIsHeard() throws Exception {
        try (WebhookReceiver receiver = WebhookReceiver.http(503, 307);
                BudgetWebhook webhook = started(target("http://127.0.0.1:" + receiver.port()
                        + "/hook?team=1", false), TLS, InetAddress::getAllByName);
                LiveServer server = LiveServer.with(new ScriptedForwardPass(NextToken.letters())
                        .takes(200_000, 0)).ledger(folder.resolve("ledger.db"),
                                CostModel.ofRent(3_600_000_000L, false))
                        .telling(webhook).start()) {
            server.answer(Chat.PATH, Chat.body("\"max_tokens\": 5"));
            assertThat(server.post("/v1/budgets", "{\"scope\": \"server\", \"period\":"
                    + " \"month\", \"hard_usd\": 0.000000001}").statusCode()).isEqualTo(200);
            assertThat(server.post(Chat.PATH, Chat.body("\"max_tokens\": 5")).statusCode())
                    .isEqualTo(402);

            Delivery first = receiver.next();
            receiver.next();
            Delivery heard = receiver.next();

            assertThat(heard.body()).isEqualTo(first.body());
            JsonNode event = new JsonMapper().readTree(heard.body());
            assertThat(event.get("type").stringValue()).isEqualTo("budget.exhausted");
            assertThat(event.get("scope").stringValue()).isEqualTo("server");
            assertThat(event.get("id").stringValue()).hasSize(36);
            assertThat(heard.header("X-Millrace-Signature")).isEqualTo("sha256="
                    + BudgetWebhook.sign(SECRET, heard.header("X-Millrace-Timestamp") + "."
                            + heard.body()));
            assertThat(heard.header("Content-Type")).isEqualTo("application/json");
            assertThat(heard.headers() + heard.body()).as("nothing that is nobody's business")
                    .doesNotContainIgnoringCase("0123456789abcdef")
                    .doesNotContainIgnoringCase("authorization")
                    .doesNotContain(folder.toString());
            assertThat(List.copyOf(pauses)).containsExactly(Duration.ofSeconds(1),
                    Duration.ofSeconds(2));
        }
    }

    @Test
    void whatNobodyTakesIsGivenUpAndTheNextEventIsTried() throws Exception {
        try (WebhookReceiver receiver = WebhookReceiver.http(500, 502, 503, 504, 429);
                BudgetWebhook webhook = started(target("http://localhost:" + receiver.port(),
                        false), TLS, InetAddress::getAllByName)) {
            webhook.tell(Kind.SOFT_LIMIT, STATUS);
            webhook.tell(Kind.EXHAUSTED, STATUS);
            String given = receiver.next().body();
            for (int attempt = 2; attempt <= 5; attempt++) {
                assertThat(receiver.next().body()).isEqualTo(given).contains("budget.soft_limit");
            }
            assertThat(receiver.next().body()).contains("budget.exhausted",
                    "\"left_nano_usd\":5");
            assertThat(List.copyOf(pauses)).extracting(Duration::toSeconds)
                    .containsExactly(1L, 2L, 4L, 8L);
        }
    }

    /** Nobody knows the name but the lookup: what it says is connected to, and asked for once. */
    @Test
    void whatWasLookedUpIsCheckedAndConnectedTo() throws Exception {
        PemFixture pem = PemFixture.make(folder, "hooks", "EC");
        Queue<String> addresses = new ArrayDeque<>(List.of("169.254.169.254", "127.0.0.1"));
        try (WebhookReceiver receiver = WebhookReceiver.https(serving("hooks"));
                BudgetWebhook webhook = started(target("https://hooks.invalid:" + receiver.port(),
                        true), pem.trusting().getSocketFactory(),
                        host -> addresses(host, "hooks.invalid", addresses))) {
            webhook.tell(Kind.FORECAST, STATUS);

            assertThat(receiver.next().header("Host")).isEqualTo("hooks.invalid:"
                    + receiver.port());
            assertThat(addresses).isEmpty();
            assertThat(List.copyOf(pauses)).hasSize(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"https://other.invalid, true", "https://hooks.invalid, false"})
    void anotherNamesCertificateAndThisMachineAreNotSentTo(String url, boolean allowsPrivate)
            throws Exception {
        PemFixture pem = PemFixture.make(folder, "hooks", "EC");
        try (WebhookReceiver receiver = WebhookReceiver.https(serving("hooks"));
                BudgetWebhook webhook = started(target(url + ":" + receiver.port(),
                        allowsPrivate), pem.trusting().getSocketFactory(),
                        host -> new InetAddress[]{InetAddress.getByName("127.0.0.1")})) {
            webhook.tell(Kind.FORECAST, STATUS);
            for (int pause = 1; pause <= 4; pause++) {
                assertThat(pauses.poll(100, TimeUnit.SECONDS)).isNotNull();
            }
            assertThat(receiver.gotNothing()).isTrue();
        }
    }

    private static InetAddress[] addresses(String host, String expected, Queue<String> answers)
            throws java.net.UnknownHostException {
        assertThat(host).isEqualTo(expected);
        return new InetAddress[]{InetAddress.getByName(answers.remove())};
    }

    private SSLContext serving(String name) throws Exception {
        char[] password = "password".toCharArray();
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(KeyStore.getInstance(folder.resolve(name + ".p12").toFile(), password), password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }

    /** The second test case of RFC 4231. */
    @Test
    void theSignatureIsHmacSha256() {
        assertThat(BudgetWebhook.sign("Jefe".getBytes(StandardCharsets.UTF_8),
                "what do ya want for nothing?")).isEqualTo(
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    @ParameterizedTest
    @CsvSource({"8.8.8.8, PUBLIC", "2606:4700::1, PUBLIC", "172.32.0.1, PUBLIC",
        "100.128.0.1, PUBLIC", "10.1.2.3, PRIVATE", "172.16.0.1, PRIVATE", "192.168.1.1, PRIVATE",
        "127.0.0.2, PRIVATE", "::1, PRIVATE", "fd00:ec2::254, PRIVATE", "100.64.0.1, PRIVATE",
        "198.18.0.1, PRIVATE", "::ffff:10.0.0.1, PRIVATE", "64:ff9b::a00:1, PRIVATE",
        "2002:a00:1::, PRIVATE", "169.254.169.254, NEVER", "fe80::1, NEVER", "0.0.0.0, NEVER",
        "0.1.2.3, NEVER", "255.255.255.255, NEVER", "224.0.0.1, NEVER", "ff02::1, NEVER"})
    void addressesAreOfAKind(String address, NetworkKind kind) throws Exception {
        assertThat(NetworkKind.of(InetAddress.getByName(address))).isEqualTo(kind);
    }

    @Test
    void onlyGoodTargetsAreTaken() throws Exception {
        Path secret = Files.writeString(folder.resolve("secret"), "0123456789abcdef\n");
        WebhookTarget good = configured("https://hooks.example/a?token=b", secret);
        assertThat(good.url()).hasToString("https://hooks.example/a?token=b");
        assertThat(good.allowsPrivate()).isFalse();
        assertThat(good).as("in the log").hasToString("https://hooks.example");
        refused("must begin with https://", "http://hooks.example/a", secret);
        refused("must begin with https://", "file:///etc/passwd", secret);
        refused("must not have a user", "https://me:word@hooks.example/a", secret);
        refused("at least 16 bytes", "https://a.example", Files.writeString(
                folder.resolve("short"), "short"));
        refused("cannot read", "https://a.example", folder.resolve("none"));
        assertThatIllegalArgumentException().isThrownBy(() -> WebhookTarget.configured(
                section("https://a.example", secret, "\"yes\""))).withMessageContaining(
                        "allow_private, true or false");
        assertThat(WebhookTarget.configured(section("https://a.example", secret, "true"))
                .orElseThrow().allowsPrivate()).isTrue();

        InetAddress[] inside = {InetAddress.getByName("8.8.8.8"), InetAddress.getByName(
                "10.0.0.1")};
        assertThatIllegalArgumentException().isThrownBy(() -> good.requireReachable(inside))
                .withMessageContaining("allow_private: true allows it");
        target("https://hooks.example", true).requireReachable(inside);
        assertThatIllegalArgumentException().isThrownBy(() -> target("http://localhost", true)
                .requireReachable(inside)).withMessageContaining("not sent to");
    }

    private static void refused(String message, String url, Path secret) {
        assertThatIllegalArgumentException().isThrownBy(() -> configured(url, secret))
                .withMessageContaining(message).withMessageNotContaining("word@");
    }

    private static WebhookTarget configured(String url, Path secret) {
        return WebhookTarget.configured(section(url, secret, null)).orElseThrow();
    }

    private static ObjectNode section(String url, Path secret, String allowPrivate) {
        ObjectNode webhook = new JsonMapper().createObjectNode().put("url", url).put("secret_file",
                secret.toString());
        if (allowPrivate != null) {
            webhook.set("allow_private", new JsonMapper().readTree(allowPrivate));
        }
        ObjectNode cost = new JsonMapper().createObjectNode();
        cost.set("budget_webhook", webhook);
        return cost;
    }
}
