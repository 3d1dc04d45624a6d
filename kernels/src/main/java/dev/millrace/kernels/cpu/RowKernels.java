package dev.millrace.kernels.cpu;

/**
 * Dot products of one tile with one or four rows of activations, straight from the codes: what
 * decides how fast one token and a small batch are. They sum in the order of {@link TileKernels}; a
 * tile is one stream, and four rows convert it once.
 */
interface RowKernels {

    /** Whether there are kernels for these codes at this width; if not, expand them first. */
    boolean reads(PackedLayout layout);

    /**
     * Sets the accumulators of the first row of {@code rows}: the first to groups times scales, and
     * the second, if the layout has minimums, to minimums times the sums of the activations.
     *
     * @param tile  address of the tile; its halves must be finite
     * @param table address of the {@link NibbleTable}, for nibbles
     */
    void multiplyRow(PackedLayout layout, long tile, long table, RowQuad rows);

    /** As {@link #multiplyRow} for all four rows, but leaves the second accumulators alone. */
    void multiplyFour(PackedLayout layout, long tile, long table, RowQuad rows);
}
