package dev.millrace.server.cli;

import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.server.wiring.SingleSequence;
import java.util.Arrays;

/** Adds up how surprised a model is by a text: e to the mean negative log likelihood. */
final class Perplexity {

    private final SingleSequence sequence;
    private final TextChunks text;
    private long scored;
    private double sum;
    private double sumOfSquares;

    Perplexity(SingleSequence sequence, TextChunks text) {
        this.sequence = sequence;
        this.text = text;
    }

    /** Scores a chunk of the text. */
    void score(int chunk) {
        int[] inputs = text.inputs(chunk);
        int[] targets = text.targets(chunk);
        int last = text.chunkTokens() - 1;
        for (int from = 0; from < last; from = text.stepEnd(from, sequence.stepTokens())) {
            int to = text.stepEnd(from, sequence.stepTokens());
            OutputRequest output = from < text.firstScored()
                    ? OutputRequest.NONE
                    : new OutputRequest.TargetLogprobs(
                            Arrays.copyOfRange(targets, from + 1, to + 1));
            add(sequence.step(Arrays.copyOfRange(inputs, from, to), from, output).logprobs());
        }
    }

    private void add(float[] logprobs) {
        for (float logprob : logprobs) {
            scored++;
            sum -= logprob;
            sumOfSquares += (double) logprob * logprob;
        }
    }

    /** The perplexity of what has been scored so far. */
    double value() {
        return Math.exp(sum / scored);
    }

    /** Its standard error, by propagation from that of the mean. */
    double error() {
        double mean = sum / scored;
        double variance = sumOfSquares / scored - mean * mean;
        return variance <= 0 ? 0 : Math.sqrt(variance / (scored - 1)) * value();
    }
}
