package dev.millrace.bench;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench decode}: tokens per second of generation, held against the memory's speed. */
@Command(name = "decode",
        description = "Measure decoding: tokens/s, GB/s and the share of memory bandwidth.")
final class DecodeCommand implements Callable<Integer> {

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--tokens", paramLabel = "N",
            description = "Tokens to decode per round (default: ${DEFAULT-VALUE}).")
    private int tokens = 64;

    @Option(names = "--depth", paramLabel = "N",
            description = "Positions in the cache before (default: ${DEFAULT-VALUE}).")
    private int depth = 16;

    @Option(names = "--sequences", paramLabel = "N",
            description = "Sequences decoded together (default: ${DEFAULT-VALUE}).")
    private int sequences = 1;

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.validate();
        ModelOptions.requirePositive("--tokens", tokens);
        ModelOptions.requirePositive("--depth", depth);
        ModelOptions.requirePositive("--sequences", sequences);
        int contextTokens = depth + tokens;
        try (Model model = options.openModel();
                WorkerPool pool = WorkerPool.create(options.threads);
                ForwardPass pass = options.openPass(model, pool, contextTokens, sequences,
                        depth * sequences)) {
            StepDriver driver = new StepDriver(pass, sequences, contextTokens);
            Rounds rounds = Rounds.of(options.rounds, pool, () -> round(driver));
            report(model, pass, rounds.tokensPerSecond(), rounds.bandwidth());
        }
        return 0;
    }

    /** Tokens per second of all sequences together. */
    private double round(StepDriver driver) {
        driver.reset();
        driver.prefill(new int[depth]);
        long started = System.nanoTime();
        for (int i = 0; i < tokens; i++) {
            driver.decode();
        }
        return tokens * (double) sequences * 1e9 / (System.nanoTime() - started);
    }

    private void report(Model model, ForwardPass pass, Spread tokensPerSecond, Spread bandwidth)
            throws IOException {
        double stepGigabytes = pass.memory().stepWeightBytes() / 1e9;
        double gigabytesPerSecond = tokensPerSecond.median() / sequences * stepGigabytes;
        double share = gigabytesPerSecond / bandwidth.median();
        System.out.printf(Locale.ROOT, "%s, %s kernels, %d threads, %d sequence(s), depth %d%n",
                options.model, options.kernels, options.threads, sequences, depth);
        System.out.printf("  decode            %s tok/s%n", tokensPerSecond);
        System.out.printf(Locale.ROOT, "  weights per step  %.3f GB -> %.1f GB/s%n", stepGigabytes,
                gigabytesPerSecond);
        System.out.printf(Locale.ROOT, "  memory read       %s GB/s -> share %.0f %%%n", bandwidth,
                100 * share);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", model.spec().name());
        result.put("kernels", options.kernels);
        result.put("threads", options.threads);
        result.put("sequences", sequences);
        result.put("depth", depth);
        result.put("tok_per_s", tokensPerSecond);
        result.put("gb_per_s", gigabytesPerSecond);
        result.put("memory_read_gb_per_s", bandwidth);
        result.put("bandwidth_share", share);
        new ResultLog(options.results, Hardware.detect()).append("decode", result);
    }
}
