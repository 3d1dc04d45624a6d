package dev.millrace.bench.serve;

import dev.millrace.bench.BenchException;
import java.util.ArrayList;
import java.util.List;

/**
 * Gaps between the tokens of running answers, in milliseconds.
 *
 * @param before a long prompt came, and all of them ran
 * @param during its computation
 */
record Stall(Percentiles before, Percentiles during) {

    private static final double MILLIS = 1e-6;

    /**
     * Sorts the gaps by when they ended.
     *
     * @param loud the answer to the long prompt
     * @throws BenchException if there are none before or none meanwhile, so that nothing is known
     */
    static Stall of(List<Answered> running, Answered loud) {
        if (running.stream().anyMatch(answer -> answer.endNanos() < loud.firstNanos())) {
            throw new BenchException("an answer ended before the long prompt was computed;"
                    + " raise --output-tokens");
        }
        long quiet = running.stream().mapToLong(Answered::firstNanos).max().orElseThrow();
        double[] before = gaps(running, quiet, loud.dueNanos());
        double[] during = gaps(running, loud.dueNanos(), loud.firstNanos());
        if (before.length == 0 || during.length == 0) {
            throw new BenchException("no token came " + (before.length == 0
                    ? "before the long prompt did; raise --unloaded"
                    : "while the prompt was computed; raise --prompt-tokens"));
        }
        return new Stall(Percentiles.of(before), Percentiles.of(during));
    }

    /** How many times as long one of a hundred gaps is beside the long prompt. */
    double ratio() {
        return during.p99() / before.p99();
    }

    /** Milliseconds of the gaps that ended within a time. */
    private static double[] gaps(List<Answered> answers, long fromNanos, long untilNanos) {
        List<Double> within = new ArrayList<>();
        for (Answered answer : answers) {
            long at = answer.firstNanos();
            for (long gap : answer.gaps()) {
                at += gap;
                if (at > fromNanos && at <= untilNanos) {
                    within.add(gap * MILLIS);
                }
            }
        }
        return within.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
