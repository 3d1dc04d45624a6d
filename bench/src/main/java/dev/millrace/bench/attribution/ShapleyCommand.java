package dev.millrace.bench.attribution;

import dev.millrace.bench.model.ModelOptions;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.Model;
import dev.millrace.server.metering.attribution.LearntWeights;
import dev.millrace.server.metering.attribution.StepWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code bench shapley}: whether steps are shared fairly. */
@Command(name = "shapley", description = "Measure steps of every subset of up to 6 sequences, and"
        + " compare the shares of the whole step that the meter gives with exact Shapley values.")
public final class ShapleyCommand implements Callable<Integer> {

    private static final Path RESULTS = Path.of("bench/results/shapley.jsonl");

    @Mixin
    private ModelOptions options = new ModelOptions();

    @Option(names = "--sequences", paramLabel = "LIST", description = "DEPTH+TOKENS of each, with"
            + " commas: what is cached and what is computed (default: ${DEFAULT-VALUE}).")
    private String sequences = "32+1,400+1,900+1,0+64,256+16,600+1";

    @Option(names = "--rounds", paramLabel = "N",
            description = "Steps of each subset (default: ${DEFAULT-VALUE}).")
    private int rounds = 9;

    @Option(names = "--learn", paramLabel = "N", description = "Other steps that the meter learns"
            + " from before (default: ${DEFAULT-VALUE}).")
    private int learn = 256;

    /** What was measured. */
    private record Measured(SubsetTimes times, StepWeights expected, StepWeights learnt) {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.validate();
        ModelOptions.requirePositive("--rounds", rounds);
        ModelOptions.requirePositive("--learn", learn);
        List<StepPlayer> players = StepPlayer.parse(sequences);
        Measured measured;
        String name;
        try (Model model = Model.open(options.resolve());
                WorkerPool pool = WorkerPool.create(options.threads)) {
            name = model.spec().name();
            ModelOptions.warnIfBusy();
            measured = measure(model, pool, players);
        }
        double[] worth = measured.times().medians();
        double whole = worth[worth.length - 1];
        AdditiveFit best = AdditiveFit.of(players, worth);
        double[] exact = ShapleyValues.of(worth);
        ShareError before = ShareError.of(exact, shares(players, whole, measured.expected()));
        ShareError meter = ShareError.of(exact, shares(players, whole, measured.learnt()));
        ShareError limit = ShareError.of(exact, best.shares(players, whole));
        double noise = measured.times().noise();
        print(name, players, exact, before, meter, limit);
        System.out.printf(Locale.ROOT, "Shapley's values themselves are off by about %.1f%% by"
                + " chance%n", noise * 100);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("subset_median_nanos", worth);
        result.put("shapley_nanos", exact);
        result.put("shapley_noise", noise);
        result.put("expected_weights", before.json());
        result.put("meter", meter.json());
        result.put("meter_nanos", json(measured.learnt()));
        result.put("best_weights", limit.json());
        result.put("best_nanos_of_step_sequence_token_cache_position", best.nanos());
        log(name, result);
        return 0;
    }

    private static Map<String, Double> json(StepWeights weights) {
        return Map.of("fixed", weights.fixedNanos(), "sequence", weights.sequenceNanos(), "token",
                weights.tokenNanos(), "cache", weights.cacheNanos(), "context",
                weights.contextNanos());
    }

    private Measured measure(Model model, WorkerPool pool, List<StepPlayer> players) {
        int context = players.stream().mapToInt(StepPlayer::contextTokens).max().orElseThrow();
        MemoryBudget budget = new MemoryBudget(ModelOptions.memoryBytes(), context,
                players.size(), options.stepTokens, options.cacheFormat());
        try (ForwardPass pass = new CpuBackend(options.openKernels(), pool).open(model.spec(),
                model.weights(), budget)) {
            StepWeights expected = StepWeights.expected(model.spec(),
                    model.footprint(options.cacheFormat()));
            LearntWeights learnt = new LearntWeights(model.spec().name(), options.kernels, false,
                    expected, false);
            new LearningSteps(pass, players, options.stepTokens).teach(learnt, learn);
            SubsetTimes times = new SubsetSteps(pass, players, options.stepTokens,
                    model.spec().vocabularySize()).measure(rounds);
            return new Measured(times, expected, learnt.weights());
        }
    }

    /** As the meter shares the step of all. */
    private static double[] shares(List<StepPlayer> players, double nanos, StepWeights by) {
        double[] shares = new double[players.size()];
        by.weigh(players.stream().map(player -> new StepShare("", player.tokens(), 0, 0,
                player.attendedTokens())).toList(), shares);
        double sum = Arrays.stream(shares).sum();
        return Arrays.stream(shares).map(share -> share / sum * nanos).toArray();
    }

    private static void print(String model, List<StepPlayer> players, double[] exact,
            ShareError before, ShareError meter, ShareError limit) {
        System.out.printf(Locale.ROOT, "%s%n%-10s %12s %16s %16s %16s%n", model, "sequence",
                "Shapley, ms", "before learning", "the meter's", "best weights'");
        for (int i = 0; i < exact.length; i++) {
            System.out.printf(Locale.ROOT, "%-10s %12.3f %16.3f %16.3f %16.3f%n",
                    players.get(i).label(), exact[i] * 1e-6, before.shares()[i] * 1e-6,
                    meter.shares()[i] * 1e-6, limit.shares()[i] * 1e-6);
        }
        System.out.printf(Locale.ROOT, "of the step with the wrong sequence: %.1f%%; before"
                + " learning %.1f%%; with the weights that fit these steps best %.1f%%%n",
                meter.misplaced() * 100, before.misplaced() * 100, limit.misplaced() * 100);
    }

    private void log(String model, Map<String, Object> measured) throws IOException {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", model);
        result.put("kernels", options.kernels);
        result.put("threads", options.threads);
        result.put("sequences", sequences);
        result.put("rounds", rounds);
        result.put("learnt_from_steps", learn);
        result.putAll(measured);
        new ResultLog(options.results.equals(ModelOptions.MODEL_RESULTS)
                ? RESULTS
                : options.results, Hardware.detect()).append("shapley", result);
    }
}
