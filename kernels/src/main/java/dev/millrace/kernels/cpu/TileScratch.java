package dev.millrace.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What one thread needs to multiply by tiles: working memory that stays in the first caches. */
final class TileScratch {

    /** Columns that are expanded at once; a multiple of every block. */
    static final int PANEL_COLUMNS = 512;
    /** Tiles that are expanded at once, so that activations are read once for all of them. */
    static final int PANEL_TILES = 4;
    /** Rows of activations that one expansion serves. */
    static final int PANEL_ROWS = 128;

    private final int laneBytes;
    private final long panels;
    private final long scales;
    private final long minimums;
    private final long sums;
    private final long accumulators;
    private final MemorySegment memory;

    TileScratch(int lanes) {
        laneBytes = lanes * Float.BYTES;
        memory = Arena.ofAuto().allocate(bytes(lanes), PackedLayout.ALIGNMENT_BYTES);
        panels = memory.address();
        scales = panels + (long) PANEL_TILES * PANEL_COLUMNS * laneBytes;
        minimums = scales + PANEL_TILES * sumsBytes();
        sums = minimums + PANEL_TILES * sumsBytes();
        accumulators = sums + 2 * TileKernels.BLOCK_ROWS * sumsBytes();
    }

    /** What one of these takes. */
    static long bytes(int lanes) {
        long chunks = PANEL_COLUMNS / TileKernels.CHUNK_COLUMNS;
        long tileRows = PANEL_COLUMNS + 2 * chunks + (long) PANEL_ROWS * TileKernels.ACCUMULATORS;
        return (PANEL_TILES * tileRows + 2 * TileKernels.BLOCK_ROWS * chunks) * lanes
                * Float.BYTES;
    }

    private int accumulatorBytes() {
        return TileKernels.ACCUMULATORS * laneBytes;
    }

    long panel(int tile) {
        return panels + (long) tile * PANEL_COLUMNS * laneBytes;
    }

    long scales(int tile) {
        return scales + (long) tile * PANEL_COLUMNS / TileKernels.CHUNK_COLUMNS * laneBytes;
    }

    long minimums(int tile) {
        return minimums + (long) tile * PANEL_COLUMNS / TileKernels.CHUNK_COLUMNS * laneBytes;
    }

    long sums() {
        return sums;
    }

    /** From one row's sums to the next. */
    long sumsBytes() {
        return (long) PANEL_COLUMNS / TileKernels.CHUNK_COLUMNS * laneBytes;
    }

    long accumulators(int row, int tile) {
        return accumulators + ((long) row * PANEL_TILES + tile) * accumulatorBytes();
    }

    /** Starts the dot products of {@code rows} rows at zero. */
    void clearAccumulators(int rows) {
        long bytes = (long) rows * PANEL_TILES * accumulatorBytes();
        memory.asSlice(accumulators - memory.address(), bytes).fill((byte) 0);
    }
}
