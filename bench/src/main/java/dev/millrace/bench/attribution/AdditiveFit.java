package dev.millrace.bench.attribution;

import java.util.Arrays;
import java.util.List;

/**
 * The best that weights which add up can do for a step: the time of the step itself, of each
 * sequence, each token, each position of cache and each position attended to that fit the subsets'
 * times best (least squares, none below nothing). What is left of the error is the limit of sharing
 * by such weights.
 *
 * @param nanos of a step, a sequence, a token, a position of cache, a position attended to
 */
record AdditiveFit(double[] nanos) {

    private static final int PARTS = 5;
    private static final int SWEEPS = 20_000;

    /** @param worth of each subset by its bits; the one of none is left out */
    static AdditiveFit of(List<StepPlayer> players, double[] worth) {
        double[][] products = new double[PARTS][PARTS];
        double[] targets = new double[PARTS];
        for (int subset = 1; subset < worth.length; subset++) {
            double[] parts = parts(players, subset);
            for (int i = 0; i < PARTS; i++) {
                for (int j = 0; j < PARTS; j++) {
                    products[i][j] += parts[i] * parts[j];
                }
                targets[i] += parts[i] * worth[subset];
            }
        }
        double[] nanos = new double[PARTS];
        for (int sweep = 0; sweep < SWEEPS; sweep++) { // coordinate descent: it is convex
            for (int i = 0; i < PARTS; i++) {
                double rest = targets[i];
                for (int j = 0; j < PARTS; j++) {
                    rest -= j == i ? 0 : products[i][j] * nanos[j];
                }
                nanos[i] = Math.max(0, rest / products[i][i]);
            }
        }
        return new AdditiveFit(nanos);
    }

    private static double[] parts(List<StepPlayer> players, int subset) {
        double[] parts = {1, 0, 0, 0, 0};
        for (int i = 0; i < players.size(); i++) {
            if ((subset >> i & 1) != 0) {
                parts[1]++;
                parts[2] += players.get(i).tokens();
                parts[3] += players.get(i).contextTokens();
                parts[4] += players.get(i).attendedTokens();
            }
        }
        return parts;
    }

    /** The shares of the step of all. */
    double[] shares(List<StepPlayer> players, double whole) {
        double[] shares = players.stream().mapToDouble(player -> nanos[0] / players.size()
                + nanos[1] + nanos[2] * player.tokens() + nanos[3] * player.contextTokens()
                + nanos[4] * player.attendedTokens())
                .toArray();
        double sum = Arrays.stream(shares).sum();
        return Arrays.stream(shares).map(share -> share / sum * whole).toArray();
    }
}
