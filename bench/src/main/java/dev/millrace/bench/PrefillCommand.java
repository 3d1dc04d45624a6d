package dev.millrace.bench;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.models.ModelSpec;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench prefill}: tokens per second of reading a prompt. */
@Command(name = "prefill",
        description = "Measure prompt processing: tokens/s and GMAC/s.")
final class PrefillCommand implements Callable<Integer> {

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--tokens", paramLabel = "N",
            description = "Prompt tokens, computed in one step (default: ${DEFAULT-VALUE}).")
    private int tokens = 512;

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.validate();
        ModelOptions.requirePositive("--tokens", tokens);
        try (Model model = options.openModel();
                WorkerPool pool = WorkerPool.create(options.threads);
                ForwardPass pass = options.openPass(model, pool, tokens, 1, tokens)) {
            StepDriver driver = new StepDriver(pass, 1, tokens);
            Rounds rounds = Rounds.of(options.rounds, pool, () -> round(driver));
            report(model, pass, rounds.tokensPerSecond(), rounds.bandwidth());
        }
        return 0;
    }

    private double round(StepDriver driver) {
        driver.reset();
        long started = System.nanoTime();
        driver.prefill(new int[tokens]);
        return tokens * 1e9 / (System.nanoTime() - started);
    }

    private void report(Model model, ForwardPass pass, Spread tokensPerSecond, Spread bandwidth)
            throws IOException {
        double gigaMacs = tokensPerSecond.median() * macsPerToken(model.spec()) / 1e9;
        double weightReads = pass.memory().stepWeightBytes() / 1e9 * tokensPerSecond.median()
                / tokens;
        double share = weightReads / bandwidth.median();
        System.out.printf(Locale.ROOT, "%s, %s kernels, %d threads, %d tokens%n", options.model,
                options.kernels, options.threads, tokens);
        System.out.printf(Locale.ROOT, "  prefill      %s tok/s -> %.1f GMAC/s%n", tokensPerSecond,
                gigaMacs);
        System.out.printf(Locale.ROOT, "  memory read  %s GB/s, weights take %.0f %% of it%n",
                bandwidth, 100 * share);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", model.spec().name());
        result.put("kernels", options.kernels);
        result.put("threads", options.threads);
        result.put("tokens", tokens);
        result.put("tok_per_s", tokensPerSecond);
        result.put("gmac_per_s", gigaMacs);
        result.put("gb_per_s", weightReads);
        result.put("memory_read_gb_per_s", bandwidth);
        result.put("bandwidth_share", share);
        new ResultLog(options.results, Hardware.detect()).append("prefill", result);
    }

    /** Multiply-adds of one token in the layers' matrices; the output matrix runs once a prompt. */
    private static long macsPerToken(ModelSpec spec) {
        long attention = (long) spec.embeddingSize() * (2L * spec.querySize() + 2L * spec.kvSize());
        long feedForward = 3L * spec.embeddingSize() * spec.feedForwardSize();
        return spec.layers() * (attention + feedForward);
    }
}
