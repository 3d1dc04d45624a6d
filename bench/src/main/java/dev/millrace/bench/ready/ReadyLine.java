package dev.millrace.bench.ready;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a server of ours says that its time went.
 *
 * @param loadSeconds   weights and memory
 * @param warmUpSeconds steps that nobody asked for
 */
record ReadyLine(double loadSeconds, double warmUpSeconds) {

    private static final Pattern LINE = Pattern.compile("(?m)^ *ready +after [0-9.]+ s:"
            + " ([0-9.]+) s weights and memory, ([0-9.]+) s warm-up .*$");

    /** Finds the line in all that a server printed; empty for other servers. */
    static Optional<ReadyLine> find(String output) {
        Matcher matcher = LINE.matcher(output);
        return matcher.find()
                ? Optional.of(new ReadyLine(Double.parseDouble(matcher.group(1)),
                        Double.parseDouble(matcher.group(2))))
                : Optional.empty();
    }
}
