package dev.millrace.server.http;

import dev.millrace.server.openai.HttpLimits;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Where and how a server listens.
 *
 * @param host        the address to bind to; a loopback address needs no keys, see
 *                    {@link HostGuard}
 * @param port        0 for any free one
 * @param metricsPort one more, which answers {@code /metrics} without a key, and nothing else that
 *                    needs one; 0 for any free one
 * @param tls         what it proves itself with; empty for plain HTTP
 * @param corsOrigins web pages whose scripts may use it
 * @param limits      on connections and requests
 */
public record HttpSettings(String host, int port, OptionalInt metricsPort, Optional<TlsFiles> tls,
        List<String> corsOrigins, HttpLimits limits) {

    /** Plain HTTP on one port, for no pages but its own. */
    public HttpSettings(String host, int port, HttpLimits limits) {
        this(host, port, OptionalInt.empty(), Optional.empty(), List.of(), limits);
    }

    /** The same with more to be reached by. */
    public HttpSettings with(OptionalInt otherMetricsPort, Optional<TlsFiles> otherTls,
            List<String> otherOrigins) {
        return new HttpSettings(host, port, otherMetricsPort, otherTls, otherOrigins, limits);
    }
}
