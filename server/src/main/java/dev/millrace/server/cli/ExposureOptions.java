package dev.millrace.server.cli;

import dev.millrace.server.config.Setting;
import java.util.EnumMap;
import java.util.Map;
import picocli.CommandLine.Option;

/** The flags that say where a server listens and for whom. */
final class ExposureOptions {

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);

    @Option(names = "--host", paramLabel = "ADDRESS",
            description = "Where to listen (default: 127.0.0.1, this machine only).")
    void host(String value) {
        flags.put(Setting.HOST, value);
    }

    @Option(names = {"-p",
        "--port"}, paramLabel = "N",
            description = "Where to listen; 0 for any free port (default: 8080).")
    void port(String value) {
        flags.put(Setting.PORT, value);
    }

    @Option(names = "--metrics-port", paramLabel = "N", description = "A port of its own for"
            + " /metrics, which needs no key there (default: none).")
    void metricsPort(String value) {
        flags.put(Setting.METRICS_PORT, value);
    }

    @Option(names = "--tls-certificate", paramLabel = "FILE", description = "Serve HTTPS, HTTP/2"
            + " included, with this certificate chain (PEM); taken anew when it changes.")
    void tlsCertificate(String value) {
        flags.put(Setting.TLS_CERTIFICATE, value);
    }

    @Option(names = "--tls-key", paramLabel = "FILE",
            description = "The certificate's key (PEM, PKCS #8 without a password).")
    void tlsKey(String value) {
        flags.put(Setting.TLS_KEY, value);
    }

    @Option(names = "--cors-origin", paramLabel = "ORIGIN", description = "Web pages whose scripts"
            + " may use the server, such as https://app.example, with commas; * for all"
            + " (default: none).")
    void corsOrigin(String value) {
        flags.put(Setting.CORS_ORIGIN, value);
    }

    @Option(names = "--request-log", paramLabel = "FILE", description = "Append a line of JSON for"
            + " every request: who, what, tokens, cost, times (default: none).")
    void requestLog(String value) {
        flags.put(Setting.REQUEST_LOG, value);
    }

    @Option(names = "--log-prompts",
            description = "Let that have what clients write, too (default: off).")
    void logPrompts(boolean on) {
        flags.put(Setting.LOG_PROMPTS, on ? "on" : "off");
    }

    @Option(names = "--traces", paramLabel = "URL",
            description = "Send OpenTelemetry traces to this"
                    + " collector (OTLP over HTTP, JSON), such as http://localhost:4318/v1/traces"
                    + " (default: none).")
    void traces(String value) {
        flags.put(Setting.TRACES, value);
    }

    void copyTo(ComputeOptions options) {
        flags.forEach(options::set);
    }
}
