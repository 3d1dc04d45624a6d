package dev.millrace.server.metering.attribution;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.models.ModelFootprint;
import dev.millrace.models.ModelSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How long the parts of a step take, so that a step's time can be shared among the sequences in it:
 * reading the weights is shared equally, arithmetic goes by computed tokens, attention by the cache
 * that is read and by positions attended to, and what an adapter takes by those who use it. Only
 * the ratios matter.
 *
 * @param fixedNanos        one step, whoever is in it: reading the weights once
 * @param sequenceNanos     each sequence: its logits, its sampling
 * @param tokenNanos        each computed token
 * @param cacheNanos        each position of its cache that a sequence reads, once for all of its
 *                          tokens
 * @param contextNanos      each position attended to, by each computed token
 * @param adapterReadNanos  each parameter of an adapter that the step uses, once
 * @param adapterTokenNanos each parameter of an adapter for each computed token that goes through
 *                          it
 */
public record StepWeights(double fixedNanos, double sequenceNanos, double tokenNanos,
        double cacheNanos, double contextNanos, double adapterReadNanos, double adapterTokenNanos) {

    /** Of what the weights of a step are made. */
    static final int PARTS = 7;

    /**
     * A model of a billion 4-bit weights on a CPU, whose weights (0.6 GB) are read in four times
     * what a token's arithmetic takes, where a position of cache has 22 KB and is multiplied 65,000
     * times, and adapters have 16-bit parameters.
     */
    public static final StepWeights DEFAULT = expected(600_000_000, 1_000_000_000, 22_000, 65_000);

    private static final double BYTE_NANOS = 1e6 / 600_000_000;
    private static final double PARAMETER_NANOS = 250_000.0 / 1_000_000_000;
    private static final int ADAPTER_PARAMETER_BYTES = 2;

    private static final double MOST_NANOS = 1e12;
    private static final double FEMTOS = 1e6;

    public StepWeights {
        requireRange("fixedNanos", fixedNanos);
        requireRange("sequenceNanos", sequenceNanos);
        requireRange("tokenNanos", tokenNanos);
        requireRange("cacheNanos", cacheNanos);
        requireRange("contextNanos", contextNanos);
        requireRange("adapterReadNanos", adapterReadNanos);
        requireRange("adapterTokenNanos", adapterTokenNanos);
        if (fixedNanos + sequenceNanos + tokenNanos + cacheNanos + contextNanos == 0) {
            throw new IllegalArgumentException("at least one weight must be above 0");
        }
    }

    /** Where sequences, their caches and adapters take nothing of their own. */
    public StepWeights(double fixedNanos, double tokenNanos, double contextNanos) {
        this(fixedNanos, 0, tokenNanos, 0, contextNanos, 0, 0);
    }

    /**
     * What is to be expected of a model before it has run.
     *
     * @param weightBytes   read by a step
     * @param parameters    that a token is multiplied by
     * @param positionBytes keys and values of a position over all layers
     * @param positionProducts multiplications to attend to a position
     */
    public static StepWeights expected(long weightBytes, long parameters, long positionBytes,
            long positionProducts) {
        return new StepWeights(weightBytes * BYTE_NANOS, 0, parameters * PARAMETER_NANOS,
                positionBytes * BYTE_NANOS, positionProducts * PARAMETER_NANOS,
                ADAPTER_PARAMETER_BYTES * BYTE_NANOS, PARAMETER_NANOS);
    }

    /** The same told from a model's sizes; of experts only those that a token goes to are read. */
    public static StepWeights expected(ModelSpec spec, ModelFootprint sizes) {
        long active = spec.activeParameters(sizes.parameters());
        return expected(Math.round((double) sizes.weightBytes() * active / sizes.parameters()),
                active, sizes.kvBytesPerToken(),
                2L * spec.layers() * spec.querySize()); // with keys, then with values
    }

    /**
     * The weights of a step's sequences; relative to each other alone.
     *
     * @param weights of the sequences, in their order; as many are written as there are shares
     */
    public void weigh(List<StepShare> shares, double[] weights) {
        int count = shares.size();
        Map<Integer, Integer> users = adapterUsers(shares);
        for (int i = 0; i < count; i++) {
            StepShare share = shares.get(i);
            double weight = fixedNanos / count + sequenceNanos + share.tokens() * tokenNanos
                    + cachePositions(share) * cacheNanos
                    + share.contextTokens() * contextNanos;
            if (share.adapterParameters() > 0) {
                weight += share.adapterParameters() * (adapterReadNanos
                        / users.get(share.adapterSlot()) + share.tokens() * adapterTokenNanos);
            }
            weights[i] = weight;
        }
    }

    /**
     * How far a sequence's tokens look back, that is the positions of cache that are read for them:
     * where they attend to so many together, the last attends to half of them less one more than
     * the mean.
     */
    static double cachePositions(StepShare share) {
        long tokens = share.tokens();
        return tokens == 0 ? 0 : (double) share.contextTokens() / tokens + (tokens - 1) / 2.0;
    }

    /** How many sequences of a step use each adapter. */
    static Map<Integer, Integer> adapterUsers(List<StepShare> shares) {
        Map<Integer, Integer> users = Map.of();
        for (StepShare share : shares) {
            if (share.adapterParameters() > 0) {
                users = users.isEmpty() ? new HashMap<>() : users;
                users.merge(share.adapterSlot(), 1, Integer::sum);
            }
        }
        return users;
    }

    /** What a sequence's rejected guesses add to a step that it is in anyway. */
    public double added(StepShare share) {
        long some = share.rejectedTokens();
        return some == 0
                ? 0
                : some * (tokenNanos + share.adapterParameters() * adapterTokenNanos)
                        + contextNanos * share.contextTokens() * ((double) some / share.tokens());
    }

    /** In the order of the components, in whole femtoseconds. */
    public long[] femtos() {
        double[] nanos = parts();
        long[] femtos = new long[nanos.length];
        for (int i = 0; i < nanos.length; i++) {
            femtos[i] = Math.round(nanos[i] * FEMTOS);
        }
        return femtos;
    }

    /** From what {@link #femtos} gave. */
    public static StepWeights ofFemtos(long... femtos) {
        double[] nanos = new double[femtos.length];
        for (int i = 0; i < nanos.length; i++) {
            nanos[i] = femtos[i] / FEMTOS;
        }
        return of(nanos);
    }

    static StepWeights of(double[] nanos) {
        return new StepWeights(nanos[0], nanos[1], nanos[2], nanos[3], nanos[4], nanos[5],
                nanos[6]);
    }

    double[] parts() {
        return new double[]{fixedNanos, sequenceNanos, tokenNanos, cacheNanos, contextNanos,
            adapterReadNanos, adapterTokenNanos};
    }

    private static void requireRange(String name, double nanos) {
        if (!(nanos >= 0 && nanos <= MOST_NANOS)) {
            throw new IllegalArgumentException(name + " must be between 0 and " + MOST_NANOS
                    + " ns, got " + nanos);
        }
    }
}
