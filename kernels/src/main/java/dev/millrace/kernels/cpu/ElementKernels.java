package dev.millrace.kernels.cpu;

import dev.millrace.kernels.GateFunction;

/**
 * The parts that operations on vectors of activations are made of.
 *
 * <p>What combines the lanes of a register is left to the caller, in plain arithmetic: across lanes
 * the Vector API sums in an order of its own choice, and its code for that is large.
 */
interface ElementKernels {

    /** Sums the squares of {@code count} elements, each lane's share into {@code lanes}. */
    void sumSquares(float[] x, int offset, int count, float[] lanes);

    /** {@code out[i] = x[i] * scale * factors[i]} for {@code factors.length} elements. */
    void scaleMultiply(float[] x, int xOffset, float scale, float[] factors, float[] out,
            int outOffset);

    /** As {@link CpuKernels#add}. */
    void add(float[] x, int xOffset, float[] y, int yOffset, int count);

    /** As {@link CpuKernels#addScaled}. */
    void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor, int count);

    /** As {@link CpuKernels#scale}. */
    void scale(float[] x, int offset, float factor, int count);

    /** The arguments of the sigmoid in {@link GateFunction#GELU_TANH}, from {@code out[0]} on. */
    void geluArguments(float[] gate, int offset, int count, float[] out);

    /** Clamps as {@link GateFunction#CLAMPED_SILU} does, and adds 1 to the up projection. */
    void clampGate(float[] gate, float[] up, int offset, int count);

    /** {@code x[offset + i] *= factors[offset + i] / (1 + divisors[i])}, division first. */
    void divideMultiply(float[] x, float[] divisors, float[] factors, int offset, int count);

    /** As {@link CpuKernels#rotate} with pairs that are not adjacent. */
    void rotateHalves(float[] x, int offset, float[] cosines, float[] sines, int angleOffset,
            int pairs);

    /** As {@link CpuKernels#rotate} with adjacent pairs. */
    void rotateAdjacent(float[] x, int offset, float[] cosines, float[] sines, int angleOffset,
            int pairs);

    /**
     * Finds the largest of {@code count} elements, each lane's into {@code lanes}; negative
     * infinity where there is none. NaN is passed over.
     */
    void findMaxima(float[] x, int offset, int count, float[] lanes);

    /** As {@link CpuKernels#expShifted}, without the sum. */
    void expShifted(float[] x, int xOffset, int count, float max, float scale, float[] out,
            int outOffset);

    /**
     * {@code x[i] = cap * tanh(x[i] * scale / cap)} for {@code count} elements, within 8 units
     * in the last place.
     */
    void softCap(float[] x, int offset, int count, float scale, float cap);

    /**
     * Weights of a softmax in place: {@code x[i] = 2^shift * exp((x[i] - max) * scale)} for
     * {@code count} elements, within 3 units in the last place of the exponential.
     *
     * @param max   not less than any element
     * @param lanes receives each lane's share of the sum
     */
    void exponentiate(float[] x, int offset, int count, float max, float scale, int shift,
            float[] lanes);
}
