package dev.millrace.server.budgets;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * Where events of budgets go: over HTTPS, or to this machine.
 *
 * @param secret         what the events are signed with
 * @param allowsPrivate  whether the host may be in a private network
 */
public record WebhookTarget(URI url, byte[] secret, boolean allowsPrivate) {

    private static final String SECTION = "cost.budget_webhook";
    private static final String URL = "url";
    private static final String SECRET_FILE = "secret_file";
    private static final String ALLOW_PRIVATE = "allow_private";
    private static final Set<String> LOOPBACK = Set.of("localhost", "127.0.0.1", "[::1]");
    private static final Set<String> KEYS = new TreeSet<>(Set.of(URL, SECRET_FILE, ALLOW_PRIVATE));
    private static final int LEAST_SECRET_BYTES = 16;

    public WebhookTarget {
        if (url.getHost() == null || !("https".equals(url.getScheme())
                || "http".equals(url.getScheme()) && LOOPBACK.contains(url.getHost()))) {
            throw new IllegalArgumentException(SECTION + ".url must begin with https://,"
                    + " or http:// on this machine, got " + url.getScheme() + "://"
                    + url.getHost());
        }
        if (url.getRawUserInfo() != null) {
            throw new IllegalArgumentException(SECTION + ".url must not have a user or password;"
                    + " the receiver knows us by our signature");
        }
        if (secret.length < LEAST_SECRET_BYTES) {
            throw new IllegalArgumentException("the secret of " + SECTION + ".secret_file must"
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
        if (!section.isObject() || !KEYS.containsAll(section.propertyNames())
                || !section.path(URL).isString() || !section.path(SECRET_FILE).isString()
                || section.has(ALLOW_PRIVATE) && !section.get(ALLOW_PRIVATE).isBoolean()) {
            throw new IllegalArgumentException(SECTION + " must have url and secret_file, both"
                    + " texts, and may have allow_private, true or false; nothing else");
        }
        Path file = Path.of(section.get(SECRET_FILE).stringValue());
        try {
            return Optional.of(new WebhookTarget(URI.create(section.get(URL).stringValue()),
                    Files.readString(file).strip().getBytes(StandardCharsets.UTF_8),
                    section.path(ALLOW_PRIVATE).booleanValue(false)));
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot read " + SECTION + ".secret_file " + file,
                    e);
        }
    }

    /**
     * Refuses what the name must not stand for: never what is no web server's address, such as a
     * cloud's metadata service; a private network's only where that is allowed.
     *
     * @throws IllegalArgumentException if one of the addresses is refused
     */
    void requireReachable(InetAddress[] addresses) {
        for (InetAddress address : addresses) {
            boolean refused = LOOPBACK.contains(url.getHost())
                    ? !address.isLoopbackAddress()
                    : NetworkKind.of(address) == NetworkKind.NEVER
                            || NetworkKind.of(address) == NetworkKind.PRIVATE && !allowsPrivate;
            if (refused) {
                throw new IllegalArgumentException(url.getHost() + " is at "
                        + address.getHostAddress() + ", which is not sent to"
                        + (NetworkKind.of(address) == NetworkKind.PRIVATE
                                ? " (" + SECTION + ".allow_private: true allows it)"
                                : ""));
            }
        }
    }

    /** Without the path, which may be all that a receiver asks for. */
    @Override
    public String toString() {
        return url.getScheme() + "://" + url.getHost();
    }
}
