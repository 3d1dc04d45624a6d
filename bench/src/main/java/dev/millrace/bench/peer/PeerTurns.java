package dev.millrace.bench.peer;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.model.OpenModel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** A peer's benchmark and ours by turns: what the peer measures, in pairs. */
public final class PeerTurns {

    private final PeerProcess process;
    private List<PeerResult> first = List.of();

    /**
     * @param template what the shell runs
     * @param values   of its placeholders, such as {@code model} and {@code threads}
     * @param limit    longest that one run may take
     */
    public PeerTurns(String template, Map<String, Object> values, Duration limit) {
        process = new PeerProcess(template, values, limit);
    }

    /** The command as the shell gets it. */
    public String command() {
        return process.command();
    }

    /** What to call a peer: a given name, or its command's first word. */
    public static String name(String command, String given) {
        if (given != null) {
            return given;
        }
        String word = command.strip().split("\\s+", 2)[0];
        // Without folders, which are nobody's business in a file of results.
        return word.substring(word.lastIndexOf('/') + 1);
    }

    /**
     * The peer's first turn: only it knows what it measures, so it comes before anything else.
     *
     * @param contextTokens most that the model can hold
     * @return what it measured, to be measured here as well
     */
    public List<ModelTest> begin(int contextTokens) throws IOException, InterruptedException {
        first = process.run();
        List<ModelTest> tests = first.stream().map(PeerResult::test).toList();
        for (ModelTest test : tests) {
            if (test.contextTokens() > contextTokens) {
                throw new IllegalArgumentException("the peer measured " + test.label()
                        + ", but the model's context is " + contextTokens + " tokens");
            }
        }
        return tests;
    }

    /** Says so where the peer used another number of threads. */
    void checkThreads(int ours) {
        for (PeerResult result : first) {
            int threads = result.threads();
            if (threads != PeerResult.UNKNOWN_THREADS && threads != ours) {
                System.out.printf(Locale.ROOT, "  note: the peer used %d thread(s) in %s; {threads}"
                        + " in its command stands for %d%n", threads, result.test().label(), ours);
            }
        }
    }

    /** Takes turns, beginning with ours beside the peer's first. */
    public List<PairedTest> measure(OpenModel open, int pairs)
            throws IOException, InterruptedException {
        List<PairedTest> tests = new ArrayList<>();
        first.forEach(result -> tests.add(new PairedTest(result.test())));
        System.out.printf(Locale.ROOT, "  %7s %-20s %10s %10s %7s%n", "", "test", "Millrace",
                "peer", "ratio");
        for (int pair = 0; pair < pairs; pair++) {
            List<PeerResult> peers = pair == 0 ? first : process.run();
            for (PairedTest test : tests) {
                double reached = peers.stream()
                        .filter(result -> result.test().equals(test.test())).findFirst()
                        .orElseThrow(() -> new BenchException("the peer measured "
                                + test.test().label() + " at first and left it out later"))
                        .tokensPerSecond();
                open.warmUp(test.test());
                double bandwidth = open.bandwidth();
                test.add(open.round(test.test()), reached, bandwidth);
                System.out.println(test.lastPair());
            }
        }
        return tests;
    }
}
