package dev.millrace.kernels.cpu;

/**
 * Dot products of one tile with a single row of activations, straight from the codes: what decides
 * how fast one token is. They sum in the order of {@link TileKernels}; a tile is one stream.
 *
 * <p>Where a width has no such kernel, {@link #reads} says so.
 */
interface RowKernels {

    /** Whether there is a kernel for these codes; if not, expand them first. */
    boolean reads(PackedLayout.Codes codes);

    /**
     * Adds units of bytes under one half each to the first accumulator.
     *
     * @param unit the tile's first
     */
    void addBytesUnderHalves(long unit, int units, float[] x, int xOffset, long accumulators);

    /**
     * Adds blocks of bytes under coded scales to the first accumulator and, if the layout has
     * minimums, minimums times the sums of the activations to the second.
     *
     * @param block the tile's first
     * @param xSums sum of the activations of each group; null without minimums
     */
    void addBytesUnderCodes(PackedLayout layout, long block, float[] x, int xOffset,
            float[] xSums, int xSumsOffset, long accumulators);

    /**
     * As {@link #addBytesUnderHalves} for nibbles.
     *
     * @param table address of a {@link NibbleTable}
     */
    void addNibblesUnderHalves(long unit, int units, long table, float[] x, int xOffset,
            long accumulators);

    /** As {@link #addBytesUnderCodes} for nibbles. */
    void addNibblesUnderCodes(PackedLayout layout, long block, long table, float[] x, int xOffset,
            float[] xSums, int xSumsOffset, long accumulators);
}
