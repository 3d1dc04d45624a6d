package dev.millrace.engine.forward;

import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.Sample;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;

/** The part of a batch's contract that speaks of tokens: what rows ask for and how they sample. */
final class OutputRules {

    private final int vocabularySize;

    OutputRules(int vocabularySize) {
        this.vocabularySize = vocabularySize;
    }

    void check(int row, SequenceRow sequence) {
        OutputRequest output = sequence.output();
        boolean wantsPositions = output instanceof Sample || output instanceof TopLogprobs
                || output instanceof FullLogits;
        if (output.positions() < (wantsPositions ? 1 : 0)) {
            throw new IllegalArgumentException("row " + row + " wants output at "
                    + output.positions() + " positions; at least 1 is needed");
        }
        if (output instanceof TopLogprobs top) {
            checkRange(row, "number of likeliest tokens", top.count(), 0, vocabularySize);
        }
        if (output instanceof TargetLogprobs target) {
            checkTokens(row, "target", target.targets());
            checkRange(row, "number of likeliest tokens", target.top(), -1, vocabularySize);
        }
        if (output.samples()) {
            checkSampling(row, sequence.sampling(), output.positions());
        }
    }

    void checkTokens(int row, String what, int[] tokens) {
        checkTokens(row, what, tokens, tokens.length);
    }

    private void checkTokens(int row, String what, int[] tokens, int count) {
        for (int i = 0; i < count; i++) {
            if (tokens[i] < 0 || tokens[i] >= vocabularySize) {
                throw new IllegalArgumentException("row " + row + ", " + what + " " + i + " is "
                        + tokens[i] + "; the vocabulary has ids 0 to " + (vocabularySize - 1));
            }
        }
    }

    private void checkSampling(int row, SamplingRow sampling, int positions) {
        checkFilters(row, sampling.filters());
        checkPenalties(row, sampling.penalties());
        if (sampling.usesHistory()) {
            checkRange(row, "historyTokens", sampling.historyTokens(), 0,
                    sampling.history().length);
            checkRange(row, "historyPrompt", sampling.historyPrompt(), 0,
                    sampling.historyTokens());
            checkTokens(row, "history token", sampling.history(), sampling.historyTokens());
        }
        checkRules(row, sampling.rules());
        checkMasks(row, sampling.masks(), positions);
    }

    private static void checkFilters(int row, TokenFilters filters) {
        checkRange(row, "temperature", filters.temperature(), 0, Float.MAX_VALUE);
        checkRange(row, "topK", filters.topK(), 0, Integer.MAX_VALUE);
        checkRange(row, "topP", filters.topP(), 0, 1);
        checkRange(row, "minP", filters.minP(), 0, 1);
        checkRange(row, "typicalP", filters.typicalP(), 0, 1);
        checkRange(row, "topNSigma", filters.topNSigma(), 0, Float.MAX_VALUE);
        checkRange(row, "xtcProbability", filters.xtcProbability(), 0, 1);
        checkRange(row, "xtcThreshold", filters.xtcThreshold(), 0, 1);
    }

    private static void checkPenalties(int row, Penalties penalties) {
        checkRange(row, "repetitionPenalty", penalties.repetition(), Float.MIN_NORMAL,
                Float.MAX_VALUE);
        checkRange(row, "presencePenalty", penalties.presence(), -Float.MAX_VALUE,
                Float.MAX_VALUE);
        checkRange(row, "frequencyPenalty", penalties.frequency(), -Float.MAX_VALUE,
                Float.MAX_VALUE);
        checkRange(row, "last tokens to penalise", penalties.lastTokens(), -1,
                Integer.MAX_VALUE);
        DryPenalty dry = penalties.dry();
        checkRange(row, "DRY multiplier", dry.multiplier(), 0, Float.MAX_VALUE);
        checkRange(row, "DRY base", dry.base(), 1, Float.MAX_VALUE);
        checkRange(row, "DRY allowed length", dry.allowedLength(), 0, Integer.MAX_VALUE);
        checkRange(row, "DRY range", dry.range(), -1, Integer.MAX_VALUE);
    }

    private void checkRules(int row, LogitRules rules) {
        if (rules.biasTokens().length != rules.biasValues().length) {
            throw new IllegalArgumentException("row " + row + " has "
                    + rules.biasTokens().length + " bias tokens but "
                    + rules.biasValues().length + " bias values");
        }
        checkTokens(row, "bias token", rules.biasTokens());
        for (float bias : rules.biasValues()) {
            checkRange(row, "a bias of", bias, Float.NEGATIVE_INFINITY, Float.MAX_VALUE);
        }
        if (rules.allowed() != null) {
            checkMask(row, rules.allowed());
        }
        for (int[] sequence : rules.banned()) {
            checkRange(row, "length of a banned sequence", sequence.length, 1, Integer.MAX_VALUE);
            checkTokens(row, "banned token", sequence);
        }
        checkTokens(row, "end token", rules.endTokens());
    }

    private void checkMasks(int row, long[][] masks, int positions) {
        if (masks.length != 0 && masks.length != positions) {
            throw new IllegalArgumentException("row " + row + " has " + masks.length
                    + " masks for " + positions + " positions; give none or one each");
        }
        for (long[] mask : masks) {
            if (mask != null) {
                checkMask(row, mask);
            }
        }
    }

    private void checkMask(int row, long[] mask) {
        int words = Math.ceilDiv(vocabularySize, Long.SIZE);
        if (mask.length < words) {
            throw new IllegalArgumentException("row " + row + " has a mask of " + mask.length
                    + " words; a vocabulary of " + vocabularySize + " needs " + words);
        }
    }

    private static void checkRange(int row, String name, float value, float least, float most) {
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException("row " + row + " has " + name + " " + value
                    + "; allowed is " + least + " to " + most);
        }
    }
}
