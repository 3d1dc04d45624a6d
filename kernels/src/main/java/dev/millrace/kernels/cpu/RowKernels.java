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
     * Adds the first row of {@code rows} to its accumulators: groups times scales to the first,
     * and minimums times the sums of the activations to the second.
     *
     * @param tile  address of the tile; its halves must be finite
     * @param table address of the {@link NibbleTable}, for nibbles
     */
    void addRow(PackedLayout layout, long tile, long table, RowQuad rows);

    /** As {@link #addRow} for all four rows. */
    void addFour(PackedLayout layout, long tile, long table, RowQuad rows);
}
