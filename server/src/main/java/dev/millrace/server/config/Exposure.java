package dev.millrace.server.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * How a server can be reached beyond plain HTTP on its port, and what it writes down of requests.
 *
 * @param tlsCertificate PEM file of its certificate chain; with {@code tlsKey} or not at all
 * @param tlsKey         PEM file of its key
 * @param corsOrigins    web pages whose scripts may use it, or {@code *}
 * @param metricsPort    a port of its own for metrics; 0 for any free one
 * @param requestLog     file that gets a line for every request
 * @param logsPrompts    whether that has what clients write
 * @param traces         OpenTelemetry collector that gets spans of every generation
 */
public record Exposure(Optional<Path> tlsCertificate, Optional<Path> tlsKey,
        List<String> corsOrigins, OptionalInt metricsPort, Optional<Path> requestLog,
        boolean logsPrompts, Optional<URI> traces) {

    private static final Pattern ORIGIN = Pattern
            .compile("\\*|https?://[A-Za-z0-9.-]+(:\\d{1,5})?|https?://\\[[0-9a-f:]+](:\\d{1,5})?");
    private static final int MAX_PORT = 65535;

    static Exposure of(Settings settings) {
        Exposure exposure = new Exposure(settings.text(Setting.TLS_CERTIFICATE).map(Path::of),
                settings.text(Setting.TLS_KEY).map(Path::of), origins(settings),
                settings.isOff(Setting.METRICS_PORT)
                        ? OptionalInt.empty()
                        : OptionalInt.of(settings.number(Setting.METRICS_PORT, 0, MAX_PORT, 0)),
                settings.isOff(Setting.REQUEST_LOG)
                        ? Optional.empty()
                        : settings.text(Setting.REQUEST_LOG).map(Path::of),
                settings.choice(Setting.LOG_PROMPTS, List.of("off", "on")).equals("on"),
                traces(settings));
        if (exposure.tlsCertificate.isPresent() != exposure.tlsKey.isPresent()) {
            throw new ConfigException("tls_certificate and tls_key go together; only "
                    + (exposure.tlsKey.isPresent() ? "tls_key" : "tls_certificate") + " is set");
        }
        return exposure;
    }

    private static Optional<URI> traces(Settings settings) {
        if (settings.isOff(Setting.TRACES)) {
            return Optional.empty();
        }
        String text = settings.text(Setting.TRACES).orElseThrow();
        try {
            URI collector = new URI(text);
            if (("http".equals(collector.getScheme()) || "https".equals(collector.getScheme()))
                    && collector.getHost() != null) {
                return Optional.of(collector);
            }
        } catch (URISyntaxException e) {
            throw noCollector(text);
        }
        throw noCollector(text);
    }

    private static ConfigException noCollector(String text) {
        return new ConfigException("traces must be off or the whole address of a collector, such as"
                + " http://localhost:4318/v1/traces, got \"" + text + "\"");
    }

    private static List<String> origins(Settings settings) {
        if (settings.isOff(Setting.CORS_ORIGIN)) {
            return List.of();
        }
        List<String> origins = Arrays.stream(settings.text(Setting.CORS_ORIGIN).orElseThrow()
                .split(",")).map(String::strip).toList();
        for (String origin : origins) {
            if (!ORIGIN.matcher(origin).matches()) {
                throw new ConfigException("cors_origin must be off, *, or origins such as"
                        + " https://app.example with commas, got \"" + origin + "\"");
            }
        }
        return origins;
    }
}
