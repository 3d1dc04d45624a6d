package dev.millrace.server.budgets;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Where events of budgets go: over HTTPS, or to this machine.
 *
 * @param secret what the events are signed with
 */
public record WebhookTarget(URI url, byte[] secret) {

    private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
    private static final Set<String> KEYS = Set.of("url", "secret_file");
    private static final int LEAST_SECRET_BYTES = 16;

    public WebhookTarget {
        boolean local = url.getHost() != null && LOOPBACK.contains(url.getHost());
        if (url.getHost() == null || !("https".equals(url.getScheme())
                || "http".equals(url.getScheme()) && local)) {
            throw new IllegalArgumentException("cost.budget_webhook.url must begin with https://,"
                    + " or http:// on this machine, got " + url);
        }
        if (secret.length < LEAST_SECRET_BYTES) {
            throw new IllegalArgumentException("the secret of cost.budget_webhook.secret_file must"
                    + " have at least " + LEAST_SECRET_BYTES + " bytes, got " + secret.length);
        }
    }

    /**
     * The one that the section {@code cost} of millrace.yaml has under {@code budget_webhook}.
     *
     * @throws IllegalArgumentException if it is wrong, or its secret cannot be read
     */
    public static Optional<WebhookTarget> configured(JsonNode cost) {
        JsonNode section = cost == null ? null : cost.get("budget_webhook");
        if (section == null) {
            return Optional.empty();
        }
        if (!section.isObject() || !KEYS.equals(Set.copyOf(section.propertyNames()))
                || !section.get("url").isString() || !section.get("secret_file").isString()) {
            throw new IllegalArgumentException("cost.budget_webhook must have url and secret_file,"
                    + " both texts, and nothing else");
        }
        Path file = Path.of(section.get("secret_file").stringValue());
        try {
            return Optional.of(new WebhookTarget(URI.create(section.get("url").stringValue()),
                    Files.readString(file).strip().getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot read cost.budget_webhook.secret_file "
                    + file, e);
        }
    }

    /** Refuses what is no web server's address, such as a cloud's metadata service. */
    static void requireReachable(InetAddress[] addresses, URI url) {
        for (InetAddress address : addresses) {
            if (address.isLinkLocalAddress() || address.isAnyLocalAddress()
                    || address.isMulticastAddress()) {
                throw new IllegalArgumentException(url.getHost() + " is at "
                        + address.getHostAddress() + ", which is not sent to");
            }
        }
    }
}
