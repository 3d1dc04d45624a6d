package dev.millrace.kernels.cpu;

/**
 * Dot products of one tile: every lane is an output of its own, so nothing is ever summed across
 * lanes.
 *
 * <p>Memory is native and given by address; the caller has checked the bounds. L is the number of
 * lanes. Whichever kernels compute it, a dot product is summed in this order:
 *
 * <ol>
 * <li>the products of {@value #CHUNK_COLUMNS} columns, one after the other;
 * <li>the chunks of a group, if it has two;
 * <li>groups times their scales, one after the other; and apart from them, minimums times the
 * activations' sums;
 * <li>the second taken from the first.
 * </ol>
 */
interface TileKernels {

    /** Columns whose products are summed before a scale may come between them. */
    int CHUNK_COLUMNS = 16;

    /** Rows that {@link #sumsOfBlock} takes: with two tiles, sixteen sums in registers. */
    int BLOCK_ROWS = 8;

    /** Rows that {@link #combineRows} takes. */
    int COMBINED_ROWS = 4;

    /** Accumulators of a tile, L floats each: groups times scales, minimums times sums. */
    int ACCUMULATORS = 2;

    /** Turns {@code count} halves, a multiple of L, into floats at {@code panel}. */
    void expandHalves(long codes, int count, long panel);

    /** Turns {@code count} brain floats, a multiple of L, into floats at {@code panel}. */
    void expandBrainFloats(long codes, int count, long panel);

    /**
     * Turns signed bytes into floats at {@code panel}.
     *
     * @param codes     of the first unit, 32 L of them
     * @param unitBytes from one unit's codes to the next
     */
    void expandBytes(long codes, int units, long unitBytes, long panel);

    /**
     * Turns nibbles into floats at {@code panel}; parameters as of {@link #expandBytes}.
     *
     * @param table address of a {@link NibbleTable}
     */
    void expandNibbles(long codes, int units, long unitBytes, long table, long panel);

    /**
     * Turns halves into floats.
     *
     * @param halves     of the first unit, (unitGroups, L)
     * @param unitGroups groups in a unit, 1 or 2
     * @param unitBytes  from one unit to the next
     * @param scales     (units, unitGroups, L)
     */
    void expandHalfScales(long halves, int units, int unitGroups, long unitBytes, long scales);

    /** As {@link #expandHalfScales} for brain floats. */
    void expandBrainScales(long brainFloats, int units, int unitGroups, long unitBytes,
            long scales);

    /**
     * Multiplies a block's coded scales by its factors.
     *
     * @param factors    L floats
     * @param codes      of the first unit, (unitGroups, L) signed bytes
     * @param unitGroups groups in a unit, 1 or 2
     * @param unitBytes  from one unit to the next
     * @param scales     (units, unitGroups, L)
     */
    void expandCodedScales(long factors, long codes, int units, int unitGroups, long unitBytes,
            long scales);

    /**
     * Sums products of a panel (columns, L) with one row of activations, per chunk.
     *
     * @param columns columns, of which the last chunk may have fewer than 16
     * @param sums    (chunks, L)
     */
    void sums(long panel, int columns, float[] x, int xOffset, long sums);

    /**
     * As {@link #sums} for two tiles and {@value #BLOCK_ROWS} rows of activations at once.
     *
     * @param panelBytes from the first tile's panel to the second's
     * @param xStride    from one row of activations to the next
     * @param sums       (tile, row, chunks, L)
     * @param sumsBytes  from one row's sums to the next, and {@value #BLOCK_ROWS} of them to the
     *                   next tile's
     */
    void sumsOfBlock(long panel, long panelBytes, int columns, float[] x, int xOffset, int xStride,
            long sums, long sumsBytes);

    /**
     * Adds {@code groups} sums times scales to the first accumulator.
     *
     * @param chunks chunks in a group, 1 or 2
     * @param scales (groups, L)
     */
    void combine(long sums, long scales, int groups, int chunks, long accumulators);

    /**
     * As {@link #combine} for {@value #COMBINED_ROWS} rows at once, whose additions do not wait for
     * each other's.
     *
     * @param sumsBytes        from one row's sums to the next
     * @param accumulatorBytes from one row's accumulators to the next
     */
    void combineRows(long sums, long sumsBytes, long scales, int groups, int chunks,
            long accumulators, long accumulatorBytes);

    /** Adds {@code chunks} sums as they are to the first accumulator. */
    void combineUnscaled(long sums, int chunks, long accumulators);

    /**
     * Adds minimums times the activations' sums to the second accumulator.
     *
     * @param minimums (groups, L)
     * @param xSums    sum of the activations of each group
     */
    void combineMinimums(long minimums, int groups, float[] xSums, int xSumsOffset,
            long accumulators);

    /** Writes the first {@code count} lanes of a tile's result to {@code y}. */
    void finish(long accumulators, float[] y, int yOffset, int count);
}
