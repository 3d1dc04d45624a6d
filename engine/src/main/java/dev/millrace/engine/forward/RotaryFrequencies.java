package dev.millrace.engine.forward;

import dev.millrace.models.RopeScaling;
import dev.millrace.models.RopeSpec;

/**
 * By how much each rotating pair turns from one position to the next, and what queries and keys are
 * multiplied by besides; for every backend.
 *
 * @param radians   (pairs): angle per position
 * @param amplitude factor on cosines and sines
 */
public record RotaryFrequencies(double[] radians, float amplitude) {

    /**
     * Computes what {@link RopeScaling} says.
     *
     * @param contextTokens longest sequence that there will be
     */
    public static RotaryFrequencies of(RopeSpec rope, int contextTokens) {
        double[] radians = new double[rope.dimensions() / 2];
        for (int pair = 0; pair < radians.length; pair++) {
            double plain = Math.pow(rope.base(), -2.0 * pair / rope.dimensions());
            radians[pair] = switch (rope.scaling()) {
                case RopeScaling.None _ -> plain;
                case RopeScaling.Linear linear -> plain / linear.factor();
                case RopeScaling.Divisors divisors -> plain / divisors.divisors().get(pair);
                case RopeScaling.Llama3 llama3 -> llama3(llama3, plain);
                case RopeScaling.Yarn yarn -> yarn(yarn, rope, pair, plain);
                case RopeScaling.LongRope longRope -> plain
                        / (contextTokens > longRope.originalTokens()
                                ? longRope.longDivisors()
                                : longRope.shortDivisors()).get(pair);
            };
        }
        return new RotaryFrequencies(radians, switch (rope.scaling()) {
            case RopeScaling.Yarn yarn -> yarn.amplitude();
            case RopeScaling.LongRope longRope -> longRope.amplitude();
            default -> 1;
        });
    }

    private static double llama3(RopeScaling.Llama3 scaling, double plain) {
        double turns = scaling.originalTokens() * plain / (2 * Math.PI);
        double kept = (turns - scaling.lowFrequencyFactor())
                / (scaling.highFrequencyFactor() - scaling.lowFrequencyFactor());
        return blend(plain, scaling.factor(), Math.clamp(kept, 0, 1));
    }

    private static double yarn(RopeScaling.Yarn scaling, RopeSpec rope, int pair, double plain) {
        double first = pairTurning(scaling.betaFast(), scaling.originalTokens(), rope);
        double last = pairTurning(scaling.betaSlow(), scaling.originalTokens(), rope);
        if (scaling.wholePairs()) {
            first = Math.floor(first);
            last = Math.ceil(last);
        }
        first = Math.max(first, 0);
        last = Math.min(last, rope.dimensions() - 1);
        double ramp = (pair - first) / Math.max(last - first, 0.001);
        return blend(plain, scaling.factor(), 1 - Math.clamp(ramp, 0, 1));
    }

    /** The pair, counted in fractions, that turns so many times within the original context. */
    private static double pairTurning(double turns, int tokens, RopeSpec rope) {
        return rope.dimensions() * Math.log(tokens / (turns * 2 * Math.PI))
                / (2 * Math.log(rope.base()));
    }

    private static double blend(double plain, double factor, double kept) {
        return plain * kept + plain / factor * (1 - kept);
    }
}
