package dev.millrace.engine.forward;

import java.util.Arrays;

/**
 * Applies masks, rules and penalties to one position's logits. Drafted tokens before the position
 * count as completion. Holds scratch memory only; nothing is allocated per draw.
 */
final class LogitAdjuster {

    private final int vocabularySize;
    private final int[] occurrences; // (vocabulary): all zero between draws
    private final RepeatedRuns repeatedRuns;

    LogitAdjuster(int vocabularySize) {
        this.vocabularySize = vocabularySize;
        occurrences = new int[vocabularySize];
        repeatedRuns = new RepeatedRuns(occurrences);
    }

    /** Scratch memory for this vocabulary, in bytes. */
    static long scratchBytes(int vocabularySize) {
        return vocabularySize * (long) Integer.BYTES;
    }

    /**
     * Adjusts the logits at {@code offset}.
     *
     * @param drafts {@code drafts[begin .. end)} are what follows the row's history
     * @param mask   of the position, or null
     */
    void adjust(float[] logits, int offset, SamplingRow sampling, int[] drafts, int begin, int end,
            long[] mask) {
        LogitRules rules = sampling.rules();
        if (mask != null) {
            forbid(logits, offset, mask);
        }
        if (rules.allowed() != null) {
            forbid(logits, offset, rules.allowed());
        }
        for (int i = 0; i < rules.biasTokens().length; i++) {
            logits[offset + rules.biasTokens()[i]] += rules.biasValues()[i];
        }
        for (int[] sequence : rules.banned()) {
            if (endsBefore(sequence, sampling, drafts, begin, end)) {
                logits[offset + sequence[sequence.length - 1]] = Float.NEGATIVE_INFINITY;
            }
        }
        Penalties penalties = sampling.penalties();
        if (penalties.penalisesTokens()) {
            penaliseTokens(logits, offset, sampling, drafts, begin, end);
        }
        if (penalties.dry().applies()) {
            repeatedRuns.penalise(logits, offset, sampling, drafts, begin, end);
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

    private void penaliseTokens(float[] logits, int offset, SamplingRow sampling, int[] drafts,
            int begin, int end) {
        int[] history = sampling.history();
        // Bit 0 says that a token was seen; the bits above count it in the completion.
        for (int i = 0; i < sampling.historyTokens(); i++) {
            count(history[i], i >= sampling.historyPrompt());
        }
        for (int i = begin; i < end; i++) {
            count(drafts[i], true);
        }
        penalise(logits, offset, history, 0, sampling.historyTokens(), sampling.penalties());
        penalise(logits, offset, drafts, begin, end, sampling.penalties());
    }

    private void count(int token, boolean completion) {
        occurrences[token] = (occurrences[token] | 1) + (completion ? 2 : 0);
    }

    /** Penalises each token once and clears its count. */
    private void penalise(float[] logits, int offset, int[] seen, int begin, int end,
            Penalties penalties) {
        for (int i = begin; i < end; i++) {
            int seenAndCount = occurrences[seen[i]];
            if (seenAndCount == 0) {
                continue;
            }
            occurrences[seen[i]] = 0;
            float logit = logits[offset + seen[i]];
            logit = logit > 0
                    ? logit / penalties.repetition()
                    : logit * penalties.repetition();
            int count = seenAndCount >> 1;
            if (count > 0) {
                logit -= penalties.presence() + count * penalties.frequency();
            }
            logits[offset + seen[i]] = logit;
        }
    }
}
