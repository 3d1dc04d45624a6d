package dev.millrace.engine.forward;

/**
 * Uniform noise as a function of a seed and a position: no state, so a draw cannot depend on what
 * else was drawn.
 *
 * <p>The position-th output of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
 * number generators", 2014). The seed passes through the same mixer first, because neighbouring
 * seeds would otherwise give shifted copies of one sequence.
 */
final class CounterNoise {

    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

    /** Sets apart the seeds of {@link #coin}: the fractional part of the square root of 2. */
    private static final long COIN_SALT = 0x6A09E667F3BCC908L;

    private CounterNoise() {}

    /** A number in [0, 1) with 53 random bits. */
    static double uniform(long seed, long position) {
        return (mix(mix(seed) + GOLDEN_GAMMA * (position + 1)) >>> 11) * 0x1p-53;
    }

    /** As {@link #uniform}, a second number that has nothing to do with the first. */
    static double coin(long seed, long position) {
        return uniform(mix(seed ^ COIN_SALT), position);
    }

    /** Stafford's variant 13 of MurmurHash3's finaliser. */
    private static long mix(long value) {
        value = (value ^ value >>> 30) * 0xBF58476D1CE4E5B9L;
        value = (value ^ value >>> 27) * 0x94D049BB133111EBL;
        return value ^ value >>> 31;
    }
}
