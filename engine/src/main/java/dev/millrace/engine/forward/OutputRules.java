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
        }
        if (output.samples()) {
            checkSampling(row, sequence.sampling(), output.positions());
        }
    }

    void checkTokens(int row, String what, int[] tokens) {
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || tokens[i] >= vocabularySize) {
                throw new IllegalArgumentException("row " + row + ", " + what + " " + i + " is "
                        + tokens[i] + "; the vocabulary has ids 0 to " + (vocabularySize - 1));
            }
        }
    }

    private void checkSampling(int row, SamplingRow sampling, int positions) {
        checkRange(row, "temperature", sampling.temperature(), 0, Float.MAX_VALUE);
        checkRange(row, "topK", sampling.topK(), 0, Integer.MAX_VALUE);
        checkRange(row, "topP", sampling.topP(), 0, 1);
        checkRange(row, "minP", sampling.minP(), 0, 1);
        checkRange(row, "repetitionPenalty", sampling.repetitionPenalty(), Float.MIN_NORMAL,
                Float.MAX_VALUE);
        checkRange(row, "presencePenalty", sampling.presencePenalty(), -Float.MAX_VALUE,
                Float.MAX_VALUE);
        checkRange(row, "frequencyPenalty", sampling.frequencyPenalty(), -Float.MAX_VALUE,
                Float.MAX_VALUE);
        if (sampling.penalises()) {
            checkRange(row, "historyPrompt", sampling.historyPrompt(), 0,
                    sampling.history().length);
            checkTokens(row, "history token", sampling.history());
        }
        if (sampling.biasTokens().length != sampling.biasValues().length) {
            throw new IllegalArgumentException("row " + row + " has "
                    + sampling.biasTokens().length + " bias tokens but "
                    + sampling.biasValues().length + " bias values");
        }
        checkTokens(row, "bias token", sampling.biasTokens());
        for (float bias : sampling.biasValues()) {
            checkRange(row, "a bias of", bias, Float.NEGATIVE_INFINITY, Float.MAX_VALUE);
        }
        checkMasks(row, sampling.masks(), positions);
    }

    private void checkMasks(int row, long[][] masks, int positions) {
        if (masks.length != 0 && masks.length != positions) {
            throw new IllegalArgumentException("row " + row + " has " + masks.length
                    + " masks for " + positions + " positions; give none or one each");
        }
        int words = Math.ceilDiv(vocabularySize, Long.SIZE);
        for (long[] mask : masks) {
            if (mask != null && mask.length < words) {
                throw new IllegalArgumentException("row " + row + " has a mask of " + mask.length
                        + " words; a vocabulary of " + vocabularySize + " needs " + words);
            }
        }
    }

    private static void checkRange(int row, String name, float value, float least, float most) {
        if (!(value >= least && value <= most)) {
            throw new IllegalArgumentException("row " + row + " has " + name + " " + value
                    + "; allowed is " + least + " to " + most);
        }
    }
}
