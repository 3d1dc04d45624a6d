package dev.millrace.server.http;

import dev.millrace.server.openai.wire.HttpLimits;
import java.net.URI;
import java.nio.file.Path;
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
 * @param requestLog  file that gets a line for every request; empty for none
 * @param logsPrompts whether that has what clients write
 * @param traces      OpenTelemetry collector that gets spans of every generation; empty for none
 * @param limits      on connections and requests
 */
public record HttpSettings(String host, int port, OptionalInt metricsPort, Optional<TlsFiles> tls,
        List<String> corsOrigins, Optional<Path> requestLog, boolean logsPrompts,
        Optional<URI> traces, HttpLimits limits) {

    /** Plain HTTP on one port, for no pages but its own. */
    public HttpSettings(String host, int port, HttpLimits limits) {
        this(host, port, OptionalInt.empty(), Optional.empty(), List.of(), Optional.empty(), false,
                Optional.empty(), limits);
    }

    /** The same with more to be reached by. */
    public HttpSettings with(OptionalInt otherMetricsPort, Optional<TlsFiles> otherTls,
            List<String> otherOrigins) {
        return new HttpSettings(host, port, otherMetricsPort, otherTls, otherOrigins, requestLog,
                logsPrompts, traces, limits);
    }

    /** The same with a line for every request. */
    public HttpSettings logging(Optional<Path> file, boolean prompts) {
        return new HttpSettings(host, port, metricsPort, tls, corsOrigins, file, prompts,
                traces, limits);
    }

    /** The same with a collector of traces. */
    public HttpSettings tracing(Optional<URI> collector) {
        return new HttpSettings(host, port, metricsPort, tls, corsOrigins, requestLog, logsPrompts,
                collector, limits);
    }
}
