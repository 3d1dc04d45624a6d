package dev.millrace.bench.serve;

import dev.millrace.bench.model.ModelOptions;
import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.Option;

/** Which server is asked what, and where the result goes: options of all that load a server. */
final class TargetOptions {

    @Option(names = "--url", paramLabel = "URL",
            description = "The server (default: ${DEFAULT-VALUE}).")
    String url = "http://127.0.0.1:8080";

    @Option(names = "--model", paramLabel = "NAME", required = true,
            description = "The model's name in requests, as /v1/models lists it.")
    String model;

    @Option(names = "--vocabulary", paramLabel = "N",
            description = "Prompts are random ids below this (default: ${DEFAULT-VALUE}).")
    int vocabulary = 30_000;

    @Option(names = "--timeout", paramLabel = "SECONDS",
            description = "Longest that one answer may take (default: ${DEFAULT-VALUE}).")
    private int timeoutSeconds = 600;

    @Option(names = "--results", paramLabel = "FILE",
            description = "JSON lines file to append to (default: ${DEFAULT-VALUE}).")
    Path results = Path.of("bench/results/serving.jsonl");

    /** @throws IllegalArgumentException if a value is out of its range */
    void check() {
        ModelOptions.requirePositive("--timeout", timeoutSeconds);
    }

    Duration timeout() {
        return Duration.ofSeconds(timeoutSeconds);
    }
}
