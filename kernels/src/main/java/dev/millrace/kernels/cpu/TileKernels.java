package dev.millrace.kernels.cpu;

/**
 * Dot products of one tile: every lane is an output of its own, so nothing is ever summed across
 * lanes.
 *
 * <p>Memory is native and given by address; the caller has checked the bounds. L is the number of
 * lanes. A dot product is summed in three steps, always in this order:
 *
 * <ol>
 * <li>{@link #sums} or {@link #sumsOfFour}: 16 columns at a time, one after the other.
 * <li>{@link #combine}: groups times their scales, even groups into one accumulator and odd groups
 * into another; {@link #combineMinimums} does the same for minimums.
 * <li>{@link #finish}: the accumulators.
 * </ol>
 */
interface TileKernels {

    /** Columns whose products are summed before a scale may come between them. */
    int CHUNK_COLUMNS = 16;

    /** Accumulators of a tile: scales of even and odd groups, minimums of even and odd groups. */
    int ACCUMULATORS = 4;

    /** Turns {@code count} halves, a multiple of L, into floats at {@code panel}. */
    void expandHalves(long codes, int count, long panel);

    /** Turns {@code count} brain floats, a multiple of L, into floats at {@code panel}. */
    void expandBrainFloats(long codes, int count, long panel);

    /** Turns {@code count} signed bytes, a multiple of 16, into floats at {@code panel}. */
    void expandBytes(long codes, int count, long panel);

    /**
     * Turns {@code count} nibbles, a multiple of 32 and of 8 L, into floats at {@code panel}.
     *
     * @param table address of a {@link NibbleTable}
     */
    void expandNibbles(long codes, int count, long table, long panel);

    /**
     * Sums products of a panel (columns, L) with one row of activations, per chunk.
     *
     * @param sums (chunks, L)
     */
    void sums(long panel, int columns, float[] x, int xOffset, long sums);

    /**
     * As {@link #expandBytes} and {@link #sums}, for a single row of activations.
     *
     * @param panel where widths that need it may expand
     */
    void sumsOfBytes(long codes, int columns, float[] x, int xOffset, long panel, long sums);

    /** As {@link #expandNibbles} and {@link #sums}, for a single row of activations. */
    void sumsOfNibbles(long codes, int columns, long table, float[] x, int xOffset, long panel,
            long sums);

    /**
     * As {@link #sums} for two tiles and four rows of activations at once.
     *
     * @param panelBytes from the first tile's panel to the second's
     * @param columns    columns, of which the last chunk may have fewer than 16
     * @param xStride    from one row of activations to the next
     * @param sums       (tile, row, chunks, L)
     * @param sumsBytes  from one row's sums to the next, and four of them to the next tile's
     */
    void sumsOfFour(long panel, long panelBytes, int columns, float[] x, int xOffset, int xStride,
            long sums, long sumsBytes);

    /** Multiplies coded scales (groups, L) by their blocks' factors (blocks, L). */
    void expandScales(long factors, long codes, int groups, int groupsPerBlock, long scales);

    /**
     * Adds {@code groups} sums times scales to the first two accumulators.
     *
     * @param chunks chunks in a group, 1 or 2
     * @param scales (groups, L)
     */
    void combine(long sums, long scales, int groups, int chunks, long accumulators);

    /** Adds {@code chunks} sums as they are to the first two accumulators. */
    void combineUnscaled(long sums, int chunks, long accumulators);

    /**
     * Adds minimums times the activations' sums to the last two accumulators.
     *
     * @param xSums sum of the activations of each group
     */
    void combineMinimums(long minimums, int groups, float[] xSums, int xSumsOffset,
            long accumulators);

    /** Writes the first {@code count} lanes of a tile's result to {@code y}. */
    void finish(long accumulators, float[] y, int yOffset, int count);
}
