package dev.millrace.server.http;

import dev.millrace.server.openai.wire.ApiException;
import io.javalin.http.Context;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Set;

/**
 * Refuses requests that were addressed to another name, or come from a page of another one, while
 * the server listens to this machine only and asks for no key. A page whose name is made to point
 * at 127.0.0.1 (DNS rebinding) would otherwise be allowed by the browser to use the server as its
 * own.
 */
final class HostGuard {

    private static final Set<String> LOCAL_NAMES = Set.of("localhost", "127.0.0.1", "::1",
            "[::1]");

    private final String host;
    private final boolean loopback;
    private final CrossOrigin crossOrigin;

    /**
     * @param host        the address that the server is bound to
     * @param crossOrigin names pages of other hosts that may use it all the same
     */
    HostGuard(String host, CrossOrigin crossOrigin) {
        this.crossOrigin = crossOrigin;
        this.host = host.toLowerCase(Locale.ROOT);
        this.loopback = resolvesToLoopback(host);
    }

    private static boolean resolvesToLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            // Binding to it will fail with a better message.
            return false;
        }
    }

    /** Whether only this machine can reach the server. */
    boolean isLoopback() {
        return loopback;
    }

    /** @throws ApiException 403 if the request is meant for another host or of another's page */
    void check(Context context) {
        String name = context.req().getServerName();
        if (!isOurs(name)) {
            throw ApiException.refused(403, null, "host_not_allowed", "this server listens on "
                    + host + " only and does not answer for the host \"" + name
                    + "\"; use localhost, make API keys with ./millrace keys create, or bind it to"
                    + " the address that you mean with --host");
        }
        String origin = context.header("Origin");
        if (origin != null && !isOurs(hostOf(origin)) && !crossOrigin.names(origin)) {
            throw ApiException.refused(403, null, "origin_not_allowed", "pages of other hosts may"
                    + " not use this server, which asks for no key; this one is of " + origin
                    + "; --cors-origin names those that may");
        }
    }

    private boolean isOurs(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return LOCAL_NAMES.contains(lower) || lower.equals(host);
    }

    /** The host of an origin; of {@code null} and whatever else is none, an empty one. */
    private static String hostOf(String origin) {
        try {
            String name = URI.create(origin).getHost();
            return name == null ? "" : name;
        } catch (IllegalArgumentException e) {
            return "";
        }
    }
}
