package dev.millrace.server.http;

import dev.millrace.server.openai.ApiException;
import io.javalin.http.Context;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Set;

/**
 * Refuses requests that were addressed to another name while the server listens to this machine
 * only. A page whose name is made to point at 127.0.0.1 (DNS rebinding) would otherwise be allowed
 * by the browser to use the server as its own.
 */
final class HostGuard {

    private static final Set<String> LOCAL_NAMES = Set.of("localhost", "127.0.0.1", "::1",
            "[::1]");

    private final String host;
    private final boolean loopback;

    /** @param host the address that the server is bound to */
    HostGuard(String host) {
        this.host = host.toLowerCase(Locale.ROOT);
        this.loopback = isLoopback(host);
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            // Binding to it will fail with a better message.
            return false;
        }
    }

    /** @throws ApiException 403 if the request was meant for another host */
    void check(Context context) {
        String name = context.req().getServerName().toLowerCase(Locale.ROOT);
        if (loopback && !LOCAL_NAMES.contains(name) && !name.equals(host)) {
            throw ApiException.refused(403, null, "host_not_allowed", "this server listens on "
                    + host + " only and does not answer for the host \"" + name
                    + "\"; use localhost, or bind it to the address that you mean with --host");
        }
    }
}
