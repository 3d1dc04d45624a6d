package dev.millrace.server.cli;

import dev.millrace.engine.ReplyOptions;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine.Option;

/** What ends an answer, and what of that is shown. */
final class EndOptions {

    @Option(names = "--stop", paramLabel = "TEXT",
            description = "End at this text; may be given several times.")
    private List<String> stops = List.of();

    @Option(names = "--stop-token", paramLabel = "ID",
            description = "End at this token; may be given several times.")
    private List<Integer> stopTokens = List.of();

    @Option(names = "--include-stop", description = "Show the stop that ended the answer.")
    private boolean includeStop;

    @Option(names = "--ignore-end", description = "Go on past the model's own end.")
    private boolean ignoreEnd;

    @Option(names = "--min-tokens", paramLabel = "N", defaultValue = "0",
            description = "Do not end before this many tokens (default: ${DEFAULT-VALUE}).")
    private int minTokens;

    @Option(names = "--show-special",
            description = "Show tokens without text, which control a chat, by their names.")
    private boolean showSpecial;

    /** Refuses what makes no sense, before a model is loaded for it. */
    void check(int maxTokens) {
        if (minTokens < 0 || minTokens > maxTokens) {
            throw new IllegalArgumentException("--min-tokens must be between 0 and --max-tokens ("
                    + maxTokens + "), got " + minTokens);
        }
    }

    int minTokens() {
        return minTokens;
    }

    int[] stopTokens() {
        return stopTokens.stream().mapToInt(Integer::intValue).toArray();
    }

    List<byte[]> stopSequences() {
        return stops.stream().map(stop -> stop.getBytes(StandardCharsets.UTF_8)).toList();
    }

    boolean ignoreEnd() {
        return ignoreEnd;
    }

    ReplyOptions reply() {
        return new ReplyOptions(includeStop, showSpecial, -1);
    }
}
