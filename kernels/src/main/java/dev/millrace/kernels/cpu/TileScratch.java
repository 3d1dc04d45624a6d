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
        long chunks = PANEL_COLUMNS / TileKernels.CHUNK_COLUMNS;
        long panelBytes = (long) PANEL_TILES * PANEL_COLUMNS * laneBytes;
        long scaleBytes = PANEL_TILES * chunks * laneBytes;
        long sumBytes = 2 * TileKernels.BLOCK_ROWS * chunks * laneBytes;
        long accumulatorBytes = (long) PANEL_ROWS * PANEL_TILES * accumulatorBytes();
        memory = Arena.ofAuto().allocate(
                panelBytes + 2 * scaleBytes + sumBytes + accumulatorBytes,
                PackedLayout.ALIGNMENT_BYTES);
        panels = memory.address();
        scales = panels + panelBytes;
        minimums = scales + scaleBytes;
        sums = minimums + scaleBytes;
        accumulators = sums + sumBytes;
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
