package dev.millrace.kernels.cpu;

import dev.millrace.kernels.cpu.PackedLayout.Codes;
import dev.millrace.kernels.cpu.PackedLayout.Scales;

import static dev.millrace.kernels.cpu.PackedLayout.UNIT_COLUMNS;
import static dev.millrace.kernels.cpu.TileKernels.BLOCK_ROWS;
import static dev.millrace.kernels.cpu.TileKernels.CHUNK_COLUMNS;
import static dev.millrace.kernels.cpu.TileKernels.COMBINED_ROWS;
import static dev.millrace.kernels.cpu.TileScratch.PANEL_COLUMNS;
import static dev.millrace.kernels.cpu.TileScratch.PANEL_ROWS;
import static dev.millrace.kernels.cpu.TileScratch.PANEL_TILES;

/**
 * Multiplies rows of activations by the tiles of a matrix, on one thread.
 *
 * <p>A few rows go straight through the codes, one by one. For more, weights are expanded to floats
 * a panel at a time, {@value TileScratch#PANEL_COLUMNS} columns of a few tiles, and every row uses
 * the panel while it is in the cache. Which way a row goes does not change the order in which its
 * products are summed, so it does not change their bits.
 */
final class TiledProduct {

    private final TileKernels kernels;
    private final RowKernels[] allRowKernels;
    private final RowQuad quad = new RowQuad();
    private final TileScratch scratch;

    /** From this many rows on, codes are expanded to a panel of floats. */
    private static final int PANEL_LEAST_ROWS = 16;

    private PackedMatrix matrix;
    /** Null where the codes must be expanded. */
    private RowKernels rowKernels;
    private PackedLayout layout;
    private float[] x;
    private float[] y;
    private float[] xSums;
    /** Row of activations and outputs that is the first one here. */
    private int baseRow;
    /** First row of the block of rows that is being computed. */
    private int firstRow;
    private int blockRows;
    private int panelRows;

    TiledProduct(TileKernels kernels, RowKernels[] rowKernels, int lanes) {
        this.kernels = kernels;
        this.allRowKernels = rowKernels;
        this.scratch = new TileScratch(lanes);
    }

    /** Computes outputs {@code [begin, end)} of {@code rows} rows, as {@link CpuKernels} says. */
    void multiply(PackedMatrix weight, Activations input, int inputRow, int rows, float[] output,
            int begin, int end) {
        baseRow = inputRow;
        matrix = weight;
        layout = weight.layout();
        rowKernels = kernelsFor(layout);
        x = input.values();
        xSums = input.sums(layout.groupColumns());
        y = output;
        int firstTile = begin / layout.lanes();
        int endTile = Math.ceilDiv(end, layout.lanes());
        for (firstRow = 0; firstRow < rows; firstRow += PANEL_ROWS) {
            blockRows = Math.min(PANEL_ROWS, rows - firstRow);
            panelRows = panelRows();
            int tileStep = panelRows == 0 ? 1 : PANEL_TILES;
            for (int tile = firstTile; tile < endTile; tile += tileStep) {
                multiplyTiles(tile, Math.min(tileStep, endTile - tile));
            }
        }
        quad.clear();
        matrix = null;
        x = null;
        xSums = null;
        y = null;
    }

    /**
     * How many rows of the block share an expanded panel; the rest read the codes. A few rows would
     * not make up for the expansion, and rows that do not fill a block of the panel's kernel would
     * go through it one by one.
     */
    private int panelRows() {
        if (rowKernels == null || matrix.hasSpecialHalves()) {
            return blockRows;
        }
        return blockRows < PANEL_LEAST_ROWS ? 0 : blockRows / BLOCK_ROWS * BLOCK_ROWS;
    }

    /** The kernels that read these codes, or null. */
    private RowKernels kernelsFor(PackedLayout codes) {
        for (RowKernels candidate : allRowKernels) {
            if (candidate.reads(codes)) {
                return candidate;
            }
        }
        return null;
    }

    private void multiplyTiles(int firstTile, int tiles) {
        scratch.clearAccumulators(Math.ceilDiv(blockRows, RowQuad.ROWS) * RowQuad.ROWS);
        if (panelRows > 0) {
            for (int column = 0; column < layout.columns(); column += PANEL_COLUMNS) {
                int columns = Math.min(PANEL_COLUMNS, layout.columns() - column);
                addPanels(firstTile, tiles, column, columns);
            }
        }
        if (panelRows < blockRows) {
            for (int tile = 0; tile < tiles; tile++) {
                readTile(matrix.tile(firstTile + tile), tile);
            }
        }
        for (int row = 0; row < blockRows; row++) {
            for (int tile = 0; tile < tiles; tile++) {
                int output = (firstTile + tile) * layout.lanes();
                kernels.finish(scratch.accumulators(row, tile), y,
                        (baseRow + firstRow + row) * matrix.rows() + output,
                        Math.min(layout.lanes(), matrix.rows() - output));
            }
        }
    }

    /** The rows after the panel's, straight from the codes; two and three rows pass for four. */
    private void readTile(long address, int tile) {
        long table = matrix.nibbleTable() == null ? 0 : matrix.nibbleTable().address();
        for (int row = panelRows; row < blockRows; row += RowQuad.ROWS) {
            aim(row, tile);
            if (blockRows == 1) {
                rowKernels.multiplyRow(layout, address, table, quad);
            } else {
                rowKernels.multiplyFour(layout, address, table, quad);
            }
        }
        if (layout.minimums() && blockRows > 1) {
            addMinimums(address, tile);
        }
    }

    /** What {@link RowKernels#multiplyFour} leaves out. */
    private void addMinimums(long address, int tile) {
        for (int column = 0; column < layout.columns(); column += PANEL_COLUMNS) {
            int columns = Math.min(PANEL_COLUMNS, layout.columns() - column);
            expandMinimums(address + layout.blockOffset(column), columns, tile);
            for (int row = panelRows; row < blockRows; row++) {
                combineMinimums(row, tile, column, columns);
            }
        }
    }

    private void aim(int row, int tile) {
        int second = Math.min(row + 1, blockRows - 1);
        int third = Math.min(row + 2, blockRows - 1);
        int fourth = Math.min(row + 3, blockRows - 1);
        quad.x = x;
        quad.x0 = xOffset(row);
        quad.x1 = xOffset(second);
        quad.x2 = xOffset(third);
        quad.x3 = xOffset(fourth);
        quad.accumulators = scratch.accumulators(row, tile);
        quad.accumulatorBytes = scratch.accumulators(row + 1, tile) - quad.accumulators;
        if (layout.minimums()) {
            quad.xSums = xSums;
            quad.xSums0 = xSumsOffset(row, 0);
        }
    }

    /** Some columns of a few tiles: expanded once, then used by the rows. */
    private void addPanels(int firstTile, int tiles, int column, int columns) {
        for (int tile = 0; tile < tiles; tile++) {
            expand(matrix.tile(firstTile + tile), column, columns, tile);
        }
        int row = 0;
        for (; row + BLOCK_ROWS <= panelRows; row += BLOCK_ROWS) {
            addBlock(firstTile, tiles, row, column, columns);
        }
        for (; row < panelRows; row++) {
            for (int tile = 0; tile < tiles; tile++) {
                kernels.sums(panel(firstTile, tile, column), columns, x, xOffset(row) + column,
                        scratch.sums());
                combine(scratch.sums(), row, tile, column, columns);
            }
        }
    }

    private void addBlock(int firstTile, int tiles, int row, int column, int columns) {
        for (int tile = 0; tile < tiles; tile += 2) {
            int second = Math.min(tile + 1, tiles - 1);
            long panel = panel(firstTile, tile, column);
            kernels.sumsOfBlock(panel, panel(firstTile, second, column) - panel, columns, x,
                    xOffset(row) + column, layout.columns(), scratch.sums(), scratch.sumsBytes());
            combineBlock(scratch.sums(), row, tile, column, columns);
            if (second != tile) {
                combineBlock(scratch.sums() + BLOCK_ROWS * scratch.sumsBytes(), row, second,
                        column, columns);
            }
        }
    }

    private void combineBlock(long sums, int row, int tile, int column, int columns) {
        if (layout.scales() == Scales.NONE) {
            for (int i = 0; i < BLOCK_ROWS; i++) {
                combine(sums + i * scratch.sumsBytes(), row + i, tile, column, columns);
            }
            return;
        }
        int group = layout.groupColumns();
        long accumulatorBytes = scratch.accumulators(1, tile) - scratch.accumulators(0, tile);
        for (int i = 0; i < BLOCK_ROWS; i += COMBINED_ROWS) {
            kernels.combineRows(sums + i * scratch.sumsBytes(), scratch.sumsBytes(),
                    scratch.scales(tile), columns / group, group / CHUNK_COLUMNS,
                    scratch.accumulators(row + i, tile), accumulatorBytes);
        }
        if (layout.minimums()) {
            for (int i = 0; i < BLOCK_ROWS; i++) {
                combineMinimums(row + i, tile, column, columns);
            }
        }
    }

    private void combine(long sums, int row, int tile, int column, int columns) {
        long accumulators = scratch.accumulators(row, tile);
        if (layout.scales() == Scales.NONE) {
            kernels.combineUnscaled(sums, Math.ceilDiv(columns, CHUNK_COLUMNS), accumulators);
            return;
        }
        int group = layout.groupColumns();
        kernels.combine(sums, scratch.scales(tile), columns / group, group / CHUNK_COLUMNS,
                accumulators);
        if (layout.minimums()) {
            combineMinimums(row, tile, column, columns);
        }
    }

    private void combineMinimums(int row, int tile, int column, int columns) {
        int group = layout.groupColumns();
        kernels.combineMinimums(scratch.minimums(tile), columns / group, xSums,
                xSumsOffset(row, column), scratch.accumulators(row, tile));
    }

    private int xSumsOffset(int row, int column) {
        return (xOffset(row) + column) / layout.groupColumns();
    }

    private int xOffset(int row) {
        return (baseRow + firstRow + row) * layout.columns();
    }

    /** Where the floats of a tile are: in the scratch, or in the matrix if it holds floats. */
    private long panel(int firstTile, int tile, int column) {
        return layout.codes() == Codes.F32
                ? matrix.tile(firstTile + tile) + layout.blockOffset(column)
                : scratch.panel(tile);
    }

    private void expand(long address, int column, int columns, int tile) {
        long block = address + layout.blockOffset(column);
        switch (layout.scales()) {
            case NONE -> expandFloats(block, columns * layout.lanes(), scratch.panel(tile));
            case HALVES, BRAIN_FLOATS -> {
                expandShortFloats(block, columns, scratch.scales(tile));
                expandCodes(block, columns / UNIT_COLUMNS, scratch.panel(tile));
            }
            case CODED -> expandBlocks(block, columns / layout.blockColumns(), tile);
        }
        if (layout.minimums()) {
            expandMinimums(block, columns, tile);
        }
    }

    private void expandFloats(long codes, int count, long panel) {
        if (layout.codes() == Codes.F16) {
            kernels.expandHalves(codes, count, panel);
        } else if (layout.codes() == Codes.BF16) {
            kernels.expandBrainFloats(codes, count, panel);
        }
    }

    private void expandBlocks(long block, int blocks, int tile) {
        int units = layout.blockUnits();
        int groups = layout.unitGroups();
        long scaleBytes = (long) units * groups * layout.lanes() * Float.BYTES;
        long panelBytes = (long) layout.blockColumns() * layout.lanes() * Float.BYTES;
        for (int b = 0; b < blocks; b++, block += layout.blockBytes()) {
            long unit = block + layout.factorBytes();
            kernels.expandCodedScales(block, unit, units, groups, layout.unitBytes(),
                    scratch.scales(tile) + b * scaleBytes);
            expandCodes(unit, units, scratch.panel(tile) + b * panelBytes);
        }
    }

    private void expandMinimums(long block, int columns, int tile) {
        if (layout.scales() == Scales.CODED) {
            expandCodedMinimums(block, columns / layout.blockColumns(), tile);
        } else {
            expandShortFloats(block + layout.minimumsOffset(), columns, scratch.minimums(tile));
        }
    }

    /** Scales or minimums of sixteen bits. */
    private void expandShortFloats(long first, int columns, long floats) {
        int units = columns / UNIT_COLUMNS;
        if (layout.scales() == Scales.HALVES) {
            kernels.expandHalfScales(first, units, layout.unitGroups(), layout.unitBytes(), floats);
        } else {
            kernels.expandBrainScales(first, units, layout.unitGroups(), layout.unitBytes(),
                    floats);
        }
    }

    private void expandCodedMinimums(long block, int blocks, int tile) {
        int units = layout.blockUnits();
        int groups = layout.unitGroups();
        long minimumBytes = (long) units * groups * layout.lanes() * Float.BYTES;
        for (int b = 0; b < blocks; b++, block += layout.blockBytes()) {
            kernels.expandCodedScales(block + layout.lanes() * Float.BYTES,
                    block + layout.factorBytes() + layout.minimumsOffset(), units, groups,
                    layout.unitBytes(), scratch.minimums(tile) + b * minimumBytes);
        }
    }

    private void expandCodes(long unit, int units, long panel) {
        long codes = unit + layout.codesOffset();
        if (layout.codes() == Codes.BYTES) {
            kernels.expandBytes(codes, units, layout.unitBytes(), panel);
        } else {
            kernels.expandNibbles(codes, units, layout.unitBytes(),
                    matrix.nibbleTable().address(), panel);
        }
    }
}
