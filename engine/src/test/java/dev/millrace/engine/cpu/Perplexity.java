package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.KvFormat;
import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * How badly a model file predicts a text, by llama.cpp's convention: chunks that each begin with
 * the start token, the second half of each scored. The cache rounds nothing.
 */
final class Perplexity {

    private Perplexity() {}

    /** @param chunkTokens a multiple of 32 */
    static double of(Path path, Backend backend, String text, int chunkTokens, int chunks) {
        try (Model model = Model.open(path);
                ForwardPass pass = backend.open(model.spec(), model.weights(),
                        new MemoryBudget(4L << 30, chunkTokens, 1, chunkTokens, KvFormat.F32))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            int[] tokens = tokenizer.encode(text, true);
            int half = chunkTokens / 2;
            double logprobs = 0;
            for (int begin = 0; begin < chunks * chunkTokens; begin += chunkTokens) {
                int[] chunk = Arrays.copyOfRange(tokens, begin, begin + chunkTokens);
                chunk[0] = tokenizer.startToken();
                OutputRequest second = new TargetLogprobs(
                        Arrays.copyOfRange(chunk, half + 1, chunkTokens));
                for (float logprob : SequenceFeed.inBlocks(0, chunkTokens / 32)
                        .step(pass, second, null, Arrays.copyOf(chunk, chunkTokens - 1))
                        .logprobs()) {
                    logprobs += logprob;
                }
            }
            return Math.exp(-logprobs / (chunks * (half - 1)));
        }
    }
}
