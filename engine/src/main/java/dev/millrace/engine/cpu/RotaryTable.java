package dev.millrace.engine.cpu;

import dev.millrace.models.RopeSpec;

/**
 * Cosines and sines of every position's rotary angles (Su et al., "RoFormer", 2021), computed once
 * in double.
 *
 * @param cosines (positions, pairs)
 * @param sines   (positions, pairs)
 */
record RotaryTable(int pairs, float[] cosines, float[] sines) {

    /** @param factors (pairs): divisors of the frequencies, or null */
    static RotaryTable of(RopeSpec rope, float[] factors, int positions) {
        int pairs = rope.dimensions() / 2;
        float[] cosines = CpuBuffers.array(positions, pairs);
        float[] sines = CpuBuffers.array(positions, pairs);
        for (int pair = 0; pair < pairs; pair++) {
            double frequency = Math.pow(rope.base(), -2.0 * pair / rope.dimensions())
                    * rope.scale();
            if (factors != null) {
                frequency /= factors[pair];
            }
            for (int position = 0; position < positions; position++) {
                cosines[position * pairs + pair] = (float) Math.cos(position * frequency);
                sines[position * pairs + pair] = (float) Math.sin(position * frequency);
            }
        }
        return new RotaryTable(pairs, cosines, sines);
    }

    static long bytes(RopeSpec rope, int positions) {
        return (long) positions * (rope.dimensions() / 2) * 2 * Float.BYTES;
    }
}
