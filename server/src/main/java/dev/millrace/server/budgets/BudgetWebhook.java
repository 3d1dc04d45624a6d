package dev.millrace.server.budgets;

import dev.millrace.server.metering.budget.BudgetEvents;
import dev.millrace.server.metering.budget.BudgetStatus;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLSocketFactory;
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
    private static final int LEAST_SUCCESS = 200;
    private static final int LEAST_ERROR = 300;
    /** Between the first attempts; it doubles each time. */
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final String ALGORITHM = "HmacSHA256";

    private final WebhookTarget target;
    private final PinnedPost post;
    private final Lookup lookup;
    private final Pause pause;
    private final BlockingQueue<String> queue = new ArrayBlockingQueue<>(QUEUED);
    private final Thread thread;

    /** Finds a name's addresses. */
    @FunctionalInterface
    interface Lookup {
        InetAddress[] of(String host) throws UnknownHostException;
    }

    /** Waits between attempts. */
    @FunctionalInterface
    interface Pause {
        void take(Duration length) throws InterruptedException;
    }

    private BudgetWebhook(WebhookTarget target, SSLSocketFactory tls, Lookup lookup, Pause pause) {
        this.target = target;
        this.post = new PinnedPost(tls, PATIENCE);
        this.lookup = lookup;
        this.pause = pause;
        this.thread = Thread.ofPlatform().name("budget-webhook").daemon().unstarted(this::run);
    }

    /** Starts delivering. */
    public static BudgetWebhook start(WebhookTarget target) {
        return start(target, (SSLSocketFactory) SSLSocketFactory.getDefault(),
                InetAddress::getAllByName, Thread::sleep);
    }

    /** The same with another network and clock. */
    static BudgetWebhook start(WebhookTarget target, SSLSocketFactory tls, Lookup lookup,
            Pause pause) {
        BudgetWebhook webhook = new BudgetWebhook(target, tls, lookup, pause);
        webhook.thread.start();
        return webhook;
    }

    @Override
    public void tell(Kind kind, BudgetStatus status) {
        String event = BudgetJson.status(status).put("type", "budget."
                + kind.name().toLowerCase(Locale.ROOT)).put("at", Instant.now().toString())
                .put("id", UUID.randomUUID().toString()).toString();
        if (!queue.offer(event)) {
            LOG.error("too many events wait for the webhook; dropped {}", event);
        }
    }

    private void run() {
        try {
            while (true) {
                deliver(queue.take());
            }
        } catch (InterruptedException e) {
            LOG.debug("the webhook ends with {} events undelivered", queue.size());
        }
    }

    private void deliver(String event) throws InterruptedException {
        Duration length = FIRST_PAUSE;
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            if (attempt > 1) {
                pause.take(length);
                length = length.multipliedBy(2);
            }
            try {
                int status = send(event);
                if (status >= LEAST_SUCCESS && status < LEAST_ERROR) {
                    return;
                }
                LOG.warn("the webhook {} answered {} to attempt {}", target, status, attempt);
            } catch (IOException | IllegalArgumentException e) {
                LOG.warn("the webhook {} cannot be reached in attempt {}: {}", target, attempt,
                        e.toString());
            }
        }
        LOG.error("the webhook {} never took {}", target, event);
    }

    /** What was looked up is checked, and what was checked is connected to. */
    private int send(String event) throws IOException {
        InetAddress[] addresses = lookup.of(target.url().getHost());
        target.requireReachable(addresses);
        String seconds = Long.toString(Instant.now().getEpochSecond());
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put("Content-Type", "application/json");
        headers.put("User-Agent", "millrace");
        headers.put(TIMESTAMP, seconds);
        headers.put(SIGNATURE, "sha256=" + sign(target.secret(), seconds + "." + event));
        return post.send(target.url(), addresses[0], headers,
                event.getBytes(StandardCharsets.UTF_8));
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
