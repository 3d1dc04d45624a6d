package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetStatus;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Locale;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells a web server what happens to budgets, signed, on a thread of its own. What cannot be
 * delivered in {@value #ATTEMPTS} attempts, or does not fit the queue, is logged and dropped.
 */
public final class BudgetWebhook implements BudgetEvents, AutoCloseable {

    /** HMAC-SHA256 of the timestamp, a dot and the body, in hexadecimal. */
    static final String SIGNATURE = "X-Millrace-Signature";
    /** Seconds since 1970. */
    static final String TIMESTAMP = "X-Millrace-Timestamp";

    private static final Logger LOG = LoggerFactory.getLogger(BudgetWebhook.class);
    private static final int QUEUED = 256;
    private static final int ATTEMPTS = 5;
    private static final int LEAST_ERROR = 300;
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String ALGORITHM = "HmacSHA256";

    private final WebhookTarget target;
    private final Duration firstPause;
    private final BlockingQueue<String> queue = new ArrayBlockingQueue<>(QUEUED);
    private final Thread thread;

    private BudgetWebhook(WebhookTarget target, Duration firstPause) {
        this.target = target;
        this.firstPause = firstPause;
        this.thread = Thread.ofPlatform().name("budget-webhook").daemon().unstarted(this::run);
    }

    /** Starts delivering. @param firstPause between the first attempts; it doubles each time */
    public static BudgetWebhook start(WebhookTarget target, Duration firstPause) {
        BudgetWebhook webhook = new BudgetWebhook(target, firstPause);
        webhook.thread.start();
        return webhook;
    }

    @Override
    public void tell(Kind kind, BudgetStatus status) {
        String event = BudgetJson.status(status).put("type", "budget."
                + kind.name().toLowerCase(Locale.ROOT)).put("at", Instant.now().toString())
                .toString();
        if (!queue.offer(event)) {
            LOG.error("too many events wait for the webhook; dropped {}", event);
        }
    }

    private void run() {
        try (HttpClient client = HttpClient.newBuilder().connectTimeout(PATIENCE).build()) {
            while (true) {
                deliver(client, queue.take());
            }
        } catch (InterruptedException e) {
            LOG.debug("the webhook ends with {} events undelivered", queue.size());
        }
    }

    private void deliver(HttpClient client, String event) throws InterruptedException {
        Duration pause = firstPause;
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            try {
                int status = send(client, event);
                if (status < LEAST_ERROR) {
                    return;
                }
                LOG.warn("the webhook answered {} to attempt {}", status, attempt);
            } catch (IOException | IllegalArgumentException e) {
                LOG.warn("the webhook cannot be reached in attempt {}: {}", attempt, e.toString());
            }
            Thread.sleep(pause);
            pause = pause.multipliedBy(2);
        }
        LOG.error("the webhook never took {}", event);
    }

    private int send(HttpClient client, String event) throws IOException, InterruptedException {
        URI url = target.url();
        WebhookTarget.requireReachable(InetAddress.getAllByName(url.getHost()), url);
        String seconds = Long.toString(Instant.now().getEpochSecond());
        return client.send(HttpRequest.newBuilder(url).timeout(PATIENCE)
                .header("Content-Type", "application/json").header(TIMESTAMP, seconds)
                .header(SIGNATURE, "sha256=" + sign(target.secret(), seconds + "." + event))
                .POST(BodyPublishers.ofString(event)).build(), BodyHandlers.discarding())
                .statusCode();
    }

    static String sign(byte[] secret, String text) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret, ALGORITHM));
            return HexFormat.of().formatHex(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
