package dev.millrace.kernels.cpu;

/**
 * What attention spends its time in: products of rows of floats with tiles of the cache, laid out
 * as {@link KvLayout} says. Tiles are native memory, given by address.
 *
 * <p>A product has a multiple of {@link #ROWS} rows r, a stride apart, and {@link KvLayout#LANES}
 * lanes:
 * {@code c[r][lane] += sum over k < steps of a[r][k] * b[k][lane]}, in order of k. The sum begins
 * with c or, where it is scaled afterwards, with zero. A tile gives the same bits as it is and
 * expanded to floats.
 */
interface AttentionKernels {

    /** Rows of a and c that read a tile together. */
    int ROWS = 4;

    /** Product with a tile of floats. */
    void multiplyFloats(long b, int steps, int rows, float[] a, int aOffset, int aStride, float[] c,
            int cOffset, int cStride);

    /** Product with a tile of finite halves, taken as too small by {@link Halves#BIAS}. */
    void multiplyHalves(long b, int steps, int rows, float[] a, int aOffset, int aStride, float[] c,
            int cOffset, int cStride);

    /** Product with a tile of signed bytes. */
    void multiplyBytes(long b, int steps, int rows, float[] a, int aOffset, int aStride, float[] c,
            int cOffset, int cStride);

    /**
     * Product with a tile of floats, the sums times a scale per lane.
     *
     * @param scales (LANES)
     */
    void scoreFloats(float[] scales, long b, int steps, int rows, float[] a, int aOffset,
            int aStride,
            float[] c, int cOffset, int cStride);

    /** As {@link #scoreFloats} with a tile of signed bytes. */
    void scoreBytes(float[] scales, long b, int steps, int rows, float[] a, int aOffset,
            int aStride,
            float[] c,
            int cOffset, int cStride);

    /** Expands rows of halves to floats that are too small by {@link Halves#BIAS}; NaN stays. */
    void expandHalves(long from, int rows, long to);

    /** Expands rows of signed bytes to floats. */
    void expandBytes(long from, int rows, long to);

    /** Converts a row of scales, halves in order and none negative, to the floats that they are. */
    void readScales(long from, float[] to, int offset);
}
