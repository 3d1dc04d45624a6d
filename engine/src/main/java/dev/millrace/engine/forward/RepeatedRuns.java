package dev.millrace.engine.forward;

import java.util.Arrays;

/**
 * Penalises tokens that would go on with a run of tokens that occurred before: see
 * {@link DryPenalty}. The length of the run before every earlier place is found for all places
 * together by the Z algorithm (Gusfield, "Algorithms on strings, trees, and sequences", 1997), in
 * time linear in the range. Holds scratch memory only, which grows with the texts it sees.
 */
final class RepeatedRuns {

    /** Beyond this a power of the base leaves a float's range. */
    private static final double MOST_LOG = Math.log(Float.MAX_VALUE);
    /** Enough to forbid, and never so much that a logit becomes infinite. */
    private static final double MOST_PENALTY = 1e30;
    private static final int LEAST_SCRATCH = 1024;

    private final int[] longest; // (vocabulary): all zero between draws
    private int[] recent = {}; // newest first
    private int[] runs = {}; // how long recent is equal to what begins at each place

    /** @param vocabularyZeros scratch that is all zeros and is left so */
    RepeatedRuns(int[] vocabularyZeros) {
        longest = vocabularyZeros;
    }

    /** What texts of up to this length can make it take, in bytes. */
    static long bytes(long contextTokens) {
        return 2 * Math.max(LEAST_SCRATCH, 2 * contextTokens) * Integer.BYTES;
    }

    /** Adds what tokens lose after the row's history and {@code drafts[begin .. end)}. */
    void penalise(LogitEdits edits, SamplingRow sampling, int[] drafts, int begin, int end) {
        DryPenalty dry = sampling.penalties().dry();
        int count = collect(dry.range(), sampling, drafts, begin, end);
        if (count <= dry.allowedLength()) {
            return;
        }
        int limit = limit(dry.breakers(), count);
        if (limit < dry.allowedLength()) {
            return;
        }
        measureRuns(count);
        for (int i = 1; i < count; i++) {
            int run = Math.min(runs[i], limit);
            if (run >= dry.allowedLength()) {
                int next = recent[i - 1];
                longest[next] = Math.max(longest[next], run + 1); // one more, so that 0 is none
            }
        }
        double mostExponent = dry.base() > 1
                ? MOST_LOG / Math.log(dry.base())
                : Double.POSITIVE_INFINITY;
        for (int i = 0; i < count - 1; i++) {
            int token = recent[i];
            int run = longest[token] - 1;
            longest[token] = 0;
            if (run >= 0 && !dry.breakers().breaksAlone(token)) {
                double power = Math.pow(dry.base(),
                        Math.min(run - dry.allowedLength(), mostExponent));
                edits.add(LogitEdits.Kind.RUN, token,
                        (float) Math.min(dry.multiplier() * power, MOST_PENALTY));
            }
        }
    }

    /** Fills {@code recent}, newest first; returns how many there are. */
    private int collect(int range, SamplingRow sampling, int[] drafts, int begin, int end) {
        int drafted = end - begin;
        int all = sampling.historyTokens() + drafted;
        int count = range < 0 ? all : Math.min(range, all);
        if (recent.length < count) {
            int room = Math.max(Math.max(count, LEAST_SCRATCH), 2 * recent.length);
            recent = new int[room];
            runs = new int[room];
        }
        for (int i = 0; i < count; i++) {
            recent[i] = i < drafted
                    ? drafts[end - 1 - i]
                    : sampling.history()[all - 1 - i];
        }
        return count;
    }

    /** How long runs can be: back to the latest breaker. */
    private int limit(SequenceBreakers breakers, int count) {
        for (int i = 0; i < count; i++) {
            int reach = breakers.reach(recent, i);
            if (reach != SequenceBreakers.NOWHERE) {
                return i - reach;
            }
        }
        return count;
    }

    /** For every place how long what begins there is equal to the beginning. */
    private void measureRuns(int count) {
        Arrays.fill(runs, 0, count, 0);
        int boxBegin = 0;
        int boxEnd = 0; // recent[boxBegin .. boxEnd) is equal to the beginning
        for (int i = 1; i < count; i++) {
            int run = i < boxEnd ? Math.min(boxEnd - i, runs[i - boxBegin]) : 0;
            while (i + run < count && recent[run] == recent[i + run]) {
                run++;
            }
            runs[i] = run;
            if (i + run > boxEnd) {
                boxBegin = i;
                boxEnd = i + run;
            }
        }
    }
}
