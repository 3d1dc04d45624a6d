package dev.millrace.server.metering.attribution;

import dev.millrace.engine.StepRecord;
import dev.millrace.engine.StepRecord.StepShare;
import java.util.List;
import java.util.Map;

/**
 * Fits {@link StepWeights} to the times of steps: least squares of relative errors, so that short
 * steps count as much as long ones; none below nothing; old steps fade; and a step that took much
 * longer than it should have, because something else had the machine, counts for less (Huber,
 * "Robust Estimation of a Location Parameter", 1964). What the steps do not tell apart stays in the
 * proportions that it had.
 *
 * <p>The same steps in the same order give the same weights.
 */
final class StepFit {

    private static final int PARTS = StepWeights.PARTS;
    /** From this relative error on a step counts for less. */
    private static final double STRAY = 0.15;
    /** What a step still counts after the next: about two thousand are remembered... */
    private static final double MEMORY = 0.9995;
    /** ... but the very first ones are worse than those after them. */
    private static final double FIRST_MEMORY = 0.97;
    private static final int FIRST_STEPS = 100;
    /** What staying where it is counts, in steps that are off by all of their time. */
    private static final double ANCHOR = 0.01;
    /** What a part is allowed to be that was nothing, as a share of the fixed one. */
    private static final double LEAST_SCALE = 0.2;
    private static final int SWEEPS = 3_000;
    private static final double CONVERGED = 1e-9;

    private final double[][] products = new double[PARTS][PARTS];
    private final double[] targets = new double[PARTS];
    private final double[] parts = new double[PARTS];
    private double[] nanos;
    private boolean scaled;
    private long steps;

    /** @param scaled whether the first weights are of this machine, so that they are relied on */
    StepFit(StepWeights first, boolean scaled) {
        this.nanos = first.parts();
        this.scaled = scaled;
    }

    /** Steps so far. */
    long steps() {
        return steps;
    }

    /** Notes a step. One that took no time says nothing. */
    void add(StepRecord step) {
        if (step.deviceNanos() <= 0 || step.shares().isEmpty()) {
            return;
        }
        measure(step.shares());
        double taken = step.deviceNanos();
        double expected = scaled ? Math.max(dot(nanos, parts), 1) : taken;
        double error = Math.abs(taken - expected) / expected;
        double weight = Math.min(1, STRAY / error) / (expected * expected);
        double memory = steps < FIRST_STEPS ? FIRST_MEMORY : MEMORY;
        for (int i = 0; i < PARTS; i++) {
            for (int j = 0; j < PARTS; j++) {
                products[i][j] = products[i][j] * memory + weight * parts[i] * parts[j];
            }
            targets[i] = targets[i] * memory + weight * parts[i] * taken;
        }
        steps++;
    }

    /** What the step consists of: how much of each part. */
    private void measure(List<StepShare> shares) {
        Map<Integer, Integer> users = StepWeights.adapterUsers(shares);
        double tokens = 0;
        double cache = 0;
        double context = 0;
        double read = 0;
        double through = 0;
        for (StepShare share : shares) {
            tokens += share.tokens();
            cache += StepWeights.cachePositions(share);
            context += share.contextTokens();
            if (share.adapterParameters() > 0) {
                read += (double) share.adapterParameters() / users.get(share.adapterSlot());
                through += (double) share.adapterParameters() * share.tokens();
            }
        }
        parts[0] = 1;
        parts[1] = shares.size();
        parts[2] = tokens;
        parts[3] = cache;
        parts[4] = context;
        parts[5] = read;
        parts[6] = through;
    }

    /** The weights that fit what is remembered. */
    StepWeights solve() {
        if (steps == 0) {
            return StepWeights.of(nanos);
        }
        double[] anchor = anchor();
        double[] pull = new double[PARTS];
        for (int i = 0; i < PARTS; i++) {
            double scale = i < 2 ? Math.max(anchor[i], LEAST_SCALE * anchor[0]) : anchor[i];
            pull[i] = scale == 0 ? 0 : ANCHOR / (scale * scale);
        }
        double[] solved = anchor.clone();
        double moved = 1;
        for (int sweep = 0; sweep < SWEEPS && moved > CONVERGED; sweep++) { // it is convex
            moved = 0;
            for (int i = 0; i < PARTS; i++) {
                double before = solved[i];
                double curvature = products[i][i] + pull[i];
                if (curvature > 0) {
                    double rest = targets[i] - dot(products[i], solved) + products[i][i] * before;
                    solved[i] = Math.max(0, (rest + pull[i] * anchor[i]) / curvature);
                    moved = Math.max(moved, Math.abs(solved[i] - before)
                            / Math.max(before, Double.MIN_NORMAL));
                }
            }
        }
        nanos = solved;
        scaled = true;
        return StepWeights.of(solved);
    }

    /** The weights so far, at the speed that the steps had. */
    private double[] anchor() {
        double together = 0;
        double square = 0;
        for (int i = 0; i < PARTS; i++) {
            together += nanos[i] * targets[i];
            square += nanos[i] * dot(products[i], nanos);
        }
        double speed = square > 0 ? together / square : 1;
        double[] anchor = new double[PARTS];
        for (int i = 0; i < PARTS; i++) {
            anchor[i] = nanos[i] * speed;
        }
        return anchor;
    }

    /** How much of the steps goes elsewhere by other weights, 0 to 1. */
    double moved(StepWeights from, StepWeights to) {
        double[] before = portions(from);
        double[] after = portions(to);
        double moved = 0;
        for (int i = 0; i < PARTS; i++) {
            moved += Math.abs(after[i] - before[i]) / 2;
        }
        return moved;
    }

    private double[] portions(StepWeights weights) {
        double[] portions = weights.parts();
        double sum = 0;
        for (int i = 0; i < PARTS; i++) {
            portions[i] *= products[0][i]; // the fixed part is 1 of each step: its row has the sums
            sum += portions[i];
        }
        for (int i = 0; i < PARTS; i++) {
            portions[i] = sum == 0 ? 0 : portions[i] / sum;
        }
        return portions;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
