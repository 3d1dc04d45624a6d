package dev.millrace.engine.forward;

import dev.millrace.models.Model;
import dev.millrace.models.text.Tokenizer;
import java.nio.file.Path;

/** The text that a model file likes best. */
public final class GreedyText {

    private static final int CONTEXT_TOKENS = 256;

    private GreedyText() {}

    /** The text of the likeliest tokens after a prompt that begins with the start token. */
    public static String continuation(Path path, Backend backend, String prompt, int tokens) {
        try (Model model = Model.open(path);
                ForwardPass pass = backend.open(model.spec(), model.weights(),
                        new MemoryBudget(4L << 30, CONTEXT_TOKENS, 1, CONTEXT_TOKENS))) {
            Tokenizer tokenizer = model.tokenizer().orElseThrow();
            int[] promptTokens = tokenizer.encode(prompt, true);
            int[] all = new int[promptTokens.length + tokens];
            System.arraycopy(promptTokens, 0, all, 0, promptTokens.length);
            SequenceFeed feed = SequenceFeed.inBlocks(0, CONTEXT_TOKENS / 32);
            int[] next = promptTokens;
            for (int i = promptTokens.length; i < all.length; i++) {
                next = feed.step(pass, OutputRequest.SAMPLE_LAST, SamplingRow.GREEDY, next)
                        .tokens();
                all[i] = next[0];
            }
            return tokenizer.decode(all).substring(tokenizer.decode(promptTokens).length());
        }
    }
}
