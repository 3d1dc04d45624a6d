package dev.millrace.engine.forward;

import dev.millrace.engine.forward.LogitEdits.Kind;
import java.util.Arrays;

/**
 * Finds what masks, rules and penalties make of one position's logits, and does it. Drafted tokens
 * before the position count as completion. Holds scratch memory only, which grows with the texts it
 * sees; use one per thread.
 */
public final class LogitAdjuster {

    private final int vocabularySize;
    private final int[] occurrences; // (vocabulary): all zero between draws
    private final RepeatedRuns repeatedRuns;
    private final LogitEdits edits = new LogitEdits();

    public LogitAdjuster(int vocabularySize) {
        this.vocabularySize = vocabularySize;
        occurrences = new int[vocabularySize];
        repeatedRuns = new RepeatedRuns(occurrences);
    }

    /** Scratch memory for this vocabulary and texts of this length, in bytes. */
    static long scratchBytes(int vocabularySize, int contextTokens) {
        return vocabularySize * (long) Integer.BYTES + RepeatedRuns.bytes(contextTokens)
                + LogitEdits.bytes(vocabularySize, contextTokens);
    }

    /**
     * Adjusts the logits at {@code offset}.
     *
     * @param drafts {@code drafts[begin .. end)} are what follows the row's history
     * @param mask   of the position, or null
     */
    void adjust(float[] logits, int offset, SamplingRow sampling, int[] drafts, int begin, int end,
            long[] mask) {
        if (mask != null) {
            forbid(logits, offset, mask);
        }
        if (sampling.rules().allowed() != null) {
            forbid(logits, offset, sampling.rules().allowed());
        }
        collect(sampling, drafts, begin, end);
        edits.apply(logits, offset);
    }

    /**
     * What is to be done to single logits at one of a row's output positions where another than the
     * processor does it, ends held back included. Valid until the next call.
     */
    public LogitEdits edits(SequenceRow row, int index) {
        SamplingRow sampling = row.sampling();
        int begin = row.tokens().length - row.output().positions() + 1;
        collect(sampling, row.tokens(), begin, begin + index);
        if (isTooShort(sampling, index)) {
            for (int token : sampling.rules().endTokens()) {
                edits.add(Kind.END, token, 0);
            }
        }
        return edits;
    }

    private void collect(SamplingRow sampling, int[] drafts, int begin, int end) {
        LogitRules rules = sampling.rules();
        Penalties penalties = sampling.penalties();
        edits.begin(penalties.repetition());
        for (int i = 0; i < rules.biasTokens().length; i++) {
            edits.add(Kind.BIAS, rules.biasTokens()[i], rules.biasValues()[i]);
        }
        for (int[] sequence : rules.banned()) {
            if (endsBefore(sequence, sampling, drafts, begin, end)) {
                edits.add(Kind.BANNED, sequence[sequence.length - 1], 0);
            }
        }
        if (penalties.penalisesTokens()) {
            penaliseTokens(sampling, drafts, begin, end);
        }
        if (penalties.dry().applies()) {
            repeatedRuns.penalise(edits, sampling, drafts, begin, end);
        }
    }

    /** Forbids what would end the completion. */
    static void holdBackEnd(float[] logits, int offset, LogitRules rules) {
        for (int token : rules.endTokens()) {
            logits[offset + token] = Float.NEGATIVE_INFINITY;
        }
    }

    /** Whether the completion may not end yet. */
    static boolean isTooShort(SamplingRow sampling, int drafted) {
        return sampling.historyTokens() - sampling.historyPrompt() + drafted < sampling.rules()
                .leastTokens();
    }

    private void forbid(float[] logits, int offset, long[] mask) {
        for (int begin = 0; begin < vocabularySize; begin += Long.SIZE) {
            int end = Math.min(begin + Long.SIZE, vocabularySize);
            long allowed = mask[begin / Long.SIZE];
            if (allowed == 0) {
                Arrays.fill(logits, offset + begin, offset + end, Float.NEGATIVE_INFINITY);
            } else if (allowed != -1) {
                for (int token = begin; token < end; token++) {
                    if ((allowed >>> token & 1) == 0) {
                        logits[offset + token] = Float.NEGATIVE_INFINITY;
                    }
                }
            }
        }
    }

    /** Whether the completion ends with all tokens of a sequence but its last. */
    private static boolean endsBefore(int[] sequence, SamplingRow sampling, int[] drafts,
            int begin, int end) {
        int drafted = end - begin;
        int length = sampling.historyTokens() + drafted;
        int before = sequence.length - 1;
        if (length - sampling.historyPrompt() < before) {
            return false;
        }
        for (int i = 0; i < before; i++) {
            int place = length - before + i;
            int token = place < sampling.historyTokens()
                    ? sampling.history()[place]
                    : drafts[begin + place - sampling.historyTokens()];
            if (token != sequence[i]) {
                return false;
            }
        }
        return true;
    }

    private void penaliseTokens(SamplingRow sampling, int[] drafts, int begin, int end) {
        int[] history = sampling.history();
        int first = sampling.penalties().firstSeen(sampling.historyTokens() + end - begin);
        int firstDraft = begin + Math.max(0, first - sampling.historyTokens());
        // Bit 0 says that a token was seen; the bits above count it in the completion.
        for (int i = first; i < sampling.historyTokens(); i++) {
            count(history[i], i >= sampling.historyPrompt());
        }
        for (int i = firstDraft; i < end; i++) {
            count(drafts[i], true);
        }
        penalise(history, first, sampling.historyTokens(), sampling.penalties());
        penalise(drafts, firstDraft, end, sampling.penalties());
    }

    private void count(int token, boolean completion) {
        occurrences[token] = (occurrences[token] | 1) + (completion ? 2 : 0);
    }

    /** Penalises each token once and clears its count. */
    private void penalise(int[] seen, int begin, int end, Penalties penalties) {
        for (int i = begin; i < end; i++) {
            int seenAndCount = occurrences[seen[i]];
            if (seenAndCount != 0) {
                occurrences[seen[i]] = 0;
                int count = seenAndCount >> 1;
                edits.add(Kind.SAID, seen[i],
                        count > 0 ? penalties.presence() + count * penalties.frequency() : 0);
            }
        }
    }
}
