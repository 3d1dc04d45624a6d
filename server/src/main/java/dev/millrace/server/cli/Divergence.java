package dev.millrace.server.cli;

import java.util.Arrays;

/**
 * How far one model's next-token probabilities are from another's, over the positions of a text:
 * the Kullback-Leibler divergence of model B from the reference A in nats, how often both would
 * choose the same token, and what each gives to the token that the text has.
 */
final class Divergence {

    private double[] divergences = new double[1024];
    private int positions;
    private int sameChoice;
    private double surpriseA;
    private double surpriseB;
    private double changes;
    private double squaredChanges;

    /**
     * Adds a position.
     *
     * @param a      logits of the reference, at {@code offset}
     * @param b      logits of the other model, at {@code offset}
     * @param count  tokens in the vocabulary
     * @param target the token that the text goes on with
     */
    void add(float[] a, float[] b, int offset, int count, int target) {
        int bestA = best(a, offset, count);
        int bestB = best(b, offset, count);
        double normaliserA = normaliser(a, offset, count, a[offset + bestA]);
        double normaliserB = normaliser(b, offset, count, b[offset + bestB]);
        double divergence = 0;
        for (int i = offset; i < offset + count; i++) {
            double logA = a[i] - normaliserA;
            double probability = Math.exp(logA);
            if (probability > 0) { // 0 log 0 is 0, and minus infinity minus itself is nothing
                divergence += probability * (logA - (b[i] - normaliserB));
            }
        }
        if (positions == divergences.length) {
            divergences = Arrays.copyOf(divergences, 2 * positions);
        }
        // Rounding takes equal distributions a little below nothing.
        divergences[positions++] = Math.max(0, divergence);
        sameChoice += bestA == bestB ? 1 : 0;
        double targetA = a[offset + target] - normaliserA;
        double targetB = b[offset + target] - normaliserB;
        surpriseA -= targetA;
        surpriseB -= targetB;
        double change = Math.exp(targetB) - Math.exp(targetA);
        changes += change;
        squaredChanges += change * change;
    }

    private static int best(float[] logits, int offset, int count) {
        int best = 0;
        for (int i = 1; i < count; i++) {
            if (logits[offset + i] > logits[offset + best]) {
                best = i;
            }
        }
        return best;
    }

    private static double normaliser(float[] logits, int offset, int count, float max) {
        double sum = 0;
        for (int i = offset; i < offset + count; i++) {
            sum += Math.exp(logits[i] - max);
        }
        return max + Math.log(sum);
    }

    int positions() {
        return positions;
    }

    double mean() {
        return Arrays.stream(divergences, 0, positions).sum() / positions;
    }

    /** The standard error of {@link #mean()}. */
    double meanError() {
        double mean = mean();
        double squares = Arrays.stream(divergences, 0, positions)
                .map(each -> (each - mean) * (each - mean)).sum();
        return positions < 2 ? 0 : Math.sqrt(squares / (positions - 1) / positions);
    }

    /** The divergence that a share of the positions does not exceed. */
    double quantile(double share) {
        double[] sorted = Arrays.copyOf(divergences, positions);
        Arrays.sort(sorted);
        return sorted[Math.clamp((int) Math.ceil(share * positions) - 1, 0, positions - 1)];
    }

    /** Share of the positions at which both models' likeliest token is the same. */
    double agreement() {
        return (double) sameChoice / positions;
    }

    double perplexityA() {
        return Math.exp(surpriseA / positions);
    }

    double perplexityB() {
        return Math.exp(surpriseB / positions);
    }

    /** Mean change of the probability of the text's own token, from A to B. */
    double meanChange() {
        return changes / positions;
    }

    /** Root of the mean square of that change. */
    double rootMeanSquareChange() {
        return Math.sqrt(squaredChanges / positions);
    }
}
