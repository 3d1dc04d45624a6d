package dev.millrace.bench.gpu;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BlockOperations;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.KvFormat;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Holds a device to an oracle: the same prompt, then the tokens that the oracle finds likeliest,
 * one by one. The oracle multiplies by the weights as floats.
 */
final class ModelCheck {

    private static final long TOKEN_SEED = 7;

    private final Backend device;
    private final long deviceBytes;
    private final Backend oracle;
    private final long oracleBytes;
    private final int promptTokens;
    private final int generatedTokens;
    private final double bound;

    /**
     * @param deviceBytes     of memory that the device may use, and the oracle's likewise
     * @param promptTokens    read in one step
     * @param generatedTokens steps of one token after that
     * @param bound           of relative errors
     */
    ModelCheck(Backend device, long deviceBytes, Backend oracle, long oracleBytes,
            int promptTokens, int generatedTokens, double bound) {
        this.device = device;
        this.deviceBytes = deviceBytes;
        this.oracle = oracle;
        this.oracleBytes = oracleBytes;
        this.promptTokens = promptTokens;
        this.generatedTokens = generatedTokens;
        this.bound = bound;
    }

    /** Logits of the whole model, and for a small one what every layer adds to the error. */
    CheckResult check(String name, ModelSpec spec, Weights weights, boolean everyLayer) {
        Weights floats = new FloatWeights(weights);
        List<Double> layerErrors = new ArrayList<>();
        for (int layers = 1; everyLayer && layers <= spec.layers(); layers++) {
            ModelSpec first = spec.withLayers(spec.layerSpecs().subList(0, layers));
            layerErrors.add(distance(state(oracle, oracleBytes, first, floats),
                    state(device, deviceBytes, first, weights)));
        }
        try (ForwardPass expected = open(oracle, oracleBytes, spec, floats);
                ForwardPass actual = open(device, deviceBytes, spec, weights)) {
            return logits(name, spec.vocabularySize(), expected, actual, layerErrors);
        }
    }

    private CheckResult logits(String name, int vocabulary, ForwardPass expected,
            ForwardPass actual, List<Double> layerErrors) {
        double worst = 0;
        int unequal = 0;
        int ties = 0;
        int[] tokens = prompt(vocabulary);
        int computed = 0;
        for (int step = 0; step <= generatedTokens; step++) {
            float[] wanted = step(expected, tokens, computed, new FullLogits(tokens.length));
            float[] got = step(actual, tokens, computed, new FullLogits(tokens.length));
            computed += tokens.length;
            int best = 0;
            for (int at = 0; at < wanted.length; at += vocabulary) {
                LogitRow row = new LogitRow(wanted, got, at, vocabulary);
                worst = Math.max(worst, row.error());
                best = row.best(wanted);
                if (row.best(got) != best) {
                    boolean tie = row.lead(row.best(got)) <= 2 * bound;
                    ties += tie ? 1 : 0;
                    unequal += tie ? 0 : 1;
                }
            }
            tokens = new int[]{best};
        }
        return new CheckResult(name, promptTokens + generatedTokens, unequal, ties, worst,
                layerErrors, bound);
    }

    /** One position's logits of both sides. */
    private record LogitRow(float[] wanted, float[] got, int from, int size) {

        /** Largest difference, of the largest logit; infinite for what is no number. */
        double error() {
            double largest = 0;
            double difference = 0;
            for (int i = from; i < from + size; i++) {
                largest = Math.max(largest, Math.abs(wanted[i]));
                double each = Math.abs((double) got[i] - wanted[i]);
                difference = Double.isNaN(each)
                        ? Double.POSITIVE_INFINITY
                        : Math.max(difference, each);
            }
            return difference / largest;
        }

        int best(float[] logits) {
            int best = 0;
            for (int i = 1; i < size; i++) {
                if (logits[from + i] > logits[from + best]) {
                    best = i;
                }
            }
            return best;
        }

        /** By how much the oracle likes its best token better than another, of the largest. */
        double lead(int other) {
            double largest = 0;
            for (int i = from; i < from + size; i++) {
                largest = Math.max(largest, Math.abs(wanted[i]));
            }
            return ((double) wanted[from + best(wanted)] - wanted[from + other]) / largest;
        }
    }

    private int[] prompt(int vocabulary) {
        return new SplittableRandom(TOKEN_SEED).ints(promptTokens, 0, vocabulary).toArray();
    }

    private ForwardPass open(Backend backend, long bytes, ModelSpec spec, Weights weights) {
        return backend.open(spec, weights, new MemoryBudget(bytes,
                promptTokens + generatedTokens, 1, promptTokens, KvFormat.F32));
    }

    /** The normed state after the last layer, at the end of the prompt. */
    private float[] state(Backend backend, long bytes, ModelSpec spec, Weights weights) {
        try (ForwardPass pass = open(backend, bytes, spec, weights)) {
            return step(pass, prompt(spec.vocabularySize()), 0, new PooledHidden(Pooling.LAST));
        }
    }

    private float[] step(ForwardPass pass, int[] tokens, int computed, OutputRequest output) {
        int[][] tables = pass.cacheGeometry().ownTables(0, promptTokens + generatedTokens,
                promptTokens);
        return pass.step(new StepBatch(List.of(new SequenceRow(tokens, computed, tables,
                SequenceRow.NO_ADAPTER, output, null)), BlockOperations.NONE)).rows().getFirst()
                .values();
    }

    /** The length of the difference, of the length of what was wanted. */
    private static double distance(float[] wanted, float[] got) {
        double squares = 0;
        double all = 0;
        for (int i = 0; i < wanted.length; i++) {
            double difference = (double) got[i] - wanted[i];
            squares += difference * difference;
            all += (double) wanted[i] * wanted[i];
        }
        return Arrays.equals(wanted, got) ? 0 : Math.sqrt(squares / all);
    }
}
