package dev.millrace.server.cli;

import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.server.wiring.LoadedModel;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Adds up how surprised a model is by a text: the exponential of the mean negative log likelihood.
 * By llama.cpp's convention each chunk starts afresh, its first token is replaced by the start
 * token, and only its second half counts, so that every scored token has some context.
 */
final class Perplexity {

    /** Below this a chunk's second half has nothing to score. */
    static final int LEAST_CHUNK_TOKENS = 4;

    private final LoadedModel loaded;
    private final int startToken;
    private final int chunkTokens;
    private final int[][] blockTables;
    private long scored;
    private double sum;
    private double sumOfSquares;

    /** @param startToken replaces each chunk's first token; -1 for models that want none */
    Perplexity(LoadedModel loaded, int startToken, int chunkTokens) {
        this.loaded = loaded;
        this.startToken = startToken;
        this.chunkTokens = chunkTokens;
        CacheGeometry geometry = loaded.pass().cacheGeometry();
        int[] blocks = IntStream.range(0, geometry.blocksFor(chunkTokens)).toArray();
        this.blockTables = new int[geometry.groups().size()][];
        Arrays.fill(blockTables, blocks);
    }

    /** Scores the chunk of {@code tokens} that begins at {@code begin}. */
    void score(int[] tokens, int begin) {
        int[] chunk = Arrays.copyOfRange(tokens, begin, begin + chunkTokens);
        int[] inputs = chunk.clone();
        if (startToken >= 0) {
            inputs[0] = startToken;
        }
        int half = chunkTokens / 2;
        // The last token is a target only.
        for (int from = 0; from < chunkTokens - 1; from = next(from, half)) {
            int to = next(from, half);
            int[] row = Arrays.copyOfRange(inputs, from, to);
            OutputRequest output = from < half
                    ? OutputRequest.NONE
                    : new OutputRequest.TargetLogprobs(
                            Arrays.copyOfRange(chunk, from + 1, to + 1));
            add(step(row, from, output).logprobs());
        }
    }

    /** Where a step that begins at {@code from} ends: no step crosses the middle. */
    private int next(int from, int half) {
        return Math.min(from + loaded.stepTokens(), from < half ? half : chunkTokens - 1);
    }

    private RowResult step(int[] row, int computedTokens, OutputRequest output) {
        SequenceRow sequence = new SequenceRow(row, computedTokens, blockTables,
                SequenceRow.NO_ADAPTER, output, null);
        StepBatch batch = new StepBatch(List.of(sequence), BlockOperations.NONE);
        RowResult result = loaded.lane().overhead(() -> loaded.pass().step(batch)).rows()
                .getFirst();
        if (result.poisoned()) {
            throw new CommandException("the model gave no valid probabilities (not a number) at"
                    + " position " + computedTokens + "; the file may be damaged");
        }
        return result;
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
