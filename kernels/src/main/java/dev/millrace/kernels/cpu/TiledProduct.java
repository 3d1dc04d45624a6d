package dev.millrace.kernels.cpu;

import static dev.millrace.kernels.cpu.TileScratch.KERNEL_ROWS;
import static dev.millrace.kernels.cpu.TileScratch.PANEL_COLUMNS;
import static dev.millrace.kernels.cpu.TileScratch.PANEL_ROWS;
import static dev.millrace.kernels.cpu.TileScratch.PANEL_TILES;

/**
 * Multiplies rows of activations by the tiles of a matrix, on one thread.
 *
 * <p>Weights are expanded to floats a panel at a time, {@value TileScratch#PANEL_COLUMNS} columns
 * of a few tiles, and every row of activations uses the panel while it is in the cache. How rows
 * and tiles are grouped does not change the order in which any one product is summed, so it does
 * not change its bits.
 */
final class TiledProduct {

    private final TileKernels kernels;
    private final TileScratch scratch;

    private PackedMatrix matrix;
    private PackedLayout layout;
    private float[] x;
    private float[] y;
    private float[] xSums;
    /** First row of the block of rows that is being computed. */
    private int firstRow;
    private int blockRows;

    TiledProduct(TileKernels kernels, int lanes) {
        this.kernels = kernels;
        this.scratch = new TileScratch(lanes);
    }

    /** Computes outputs {@code [begin, end)} of {@code rows} rows, as {@link CpuKernels} says. */
    void multiply(PackedMatrix weight, float[] input, int rows, float[] output, int begin,
            int end) {
        matrix = weight;
        layout = weight.layout();
        x = input;
        y = output;
        for (firstRow = 0; firstRow < rows; firstRow += PANEL_ROWS) {
            blockRows = Math.min(PANEL_ROWS, rows - firstRow);
            if (layout.minimums()) {
                sumActivations();
            }
            int tileStep = blockRows < KERNEL_ROWS ? 1 : PANEL_TILES;
            int endTile = Math.ceilDiv(end, layout.lanes());
            for (int tile = begin / layout.lanes(); tile < endTile; tile += tileStep) {
                multiplyTiles(tile, Math.min(tileStep, endTile - tile));
            }
        }
        matrix = null;
        x = null;
        y = null;
    }

    private void multiplyTiles(int firstTile, int tiles) {
        scratch.clearAccumulators(blockRows);
        for (int column = 0; column < layout.columns(); column += PANEL_COLUMNS) {
            int columns = Math.min(PANEL_COLUMNS, layout.columns() - column);
            for (int tile = 0; tile < tiles; tile++) {
                expandScales(firstTile + tile, tile, column, columns);
                if (blockRows >= KERNEL_ROWS) {
                    expandCodes(firstTile + tile, tile, column, columns);
                }
            }
            int row = 0;
            for (; row + KERNEL_ROWS <= blockRows; row += KERNEL_ROWS) {
                addFourRows(firstTile, tiles, row, column, columns);
            }
            for (; row < blockRows; row++) {
                addRow(firstTile, tiles, row, column, columns);
            }
        }
        for (int row = 0; row < blockRows; row++) {
            for (int tile = 0; tile < tiles; tile++) {
                int output = (firstTile + tile) * layout.lanes();
                kernels.finish(scratch.accumulators(row, tile), y,
                        (firstRow + row) * matrix.rows() + output,
                        Math.min(layout.lanes(), matrix.rows() - output));
            }
        }
    }

    private void addFourRows(int firstTile, int tiles, int row, int column, int columns) {
        int xOffset = (firstRow + row) * layout.columns() + column;
        for (int tile = 0; tile < tiles; tile += 2) {
            int second = Math.min(tile + 1, tiles - 1);
            long panel = panel(firstTile, tile, column);
            kernels.sumsOfFour(panel, panel(firstTile, second, column) - panel, columns, x,
                    xOffset, layout.columns(), scratch.sums(), scratch.sumsBytes());
            for (int i = 0; i < KERNEL_ROWS; i++) {
                long sums = scratch.sums() + i * scratch.sumsBytes();
                combine(sums, row + i, tile, column, columns);
                if (second != tile) {
                    combine(sums + KERNEL_ROWS * scratch.sumsBytes(), row + i, second, column,
                            columns);
                }
            }
        }
    }

    private void addRow(int firstTile, int tiles, int row, int column, int columns) {
        int xOffset = (firstRow + row) * layout.columns() + column;
        for (int tile = 0; tile < tiles; tile++) {
            if (blockRows >= KERNEL_ROWS) {
                kernels.sums(panel(firstTile, tile, column), columns, x, xOffset,
                        scratch.sums());
            } else {
                sumCodes(firstTile + tile, column, columns, xOffset);
            }
            combine(scratch.sums(), row, tile, column, columns);
        }
    }

    /** Sums products of codes that are not expanded, because too few rows would share them. */
    private void sumCodes(int tile, int column, int columns, int xOffset) {
        long codes = codes(tile, column);
        long panel = scratch.panel(0);
        long sums = scratch.sums();
        switch (layout.codes()) {
            case F32 -> kernels.sums(codes, columns, x, xOffset, sums);
            case F16, BF16 -> {
                expandCodes(tile, 0, column, columns);
                kernels.sums(panel, columns, x, xOffset, sums);
            }
            case BYTES -> kernels.sumsOfBytes(codes, columns, x, xOffset, panel, sums);
            case NIBBLES -> kernels.sumsOfNibbles(codes, columns, matrix.nibbleTable().address(),
                    x, xOffset, panel, sums);
        }
    }

    private void combine(long sums, int row, int tile, int column, int columns) {
        long accumulators = scratch.accumulators(row, tile);
        if (layout.scales() == PackedLayout.Scales.NONE) {
            kernels.combineUnscaled(sums, Math.ceilDiv(columns, TileKernels.CHUNK_COLUMNS),
                    accumulators);
            return;
        }
        int group = layout.groupElements();
        kernels.combine(sums, scratch.scales(tile), columns / group,
                group / TileKernels.CHUNK_COLUMNS, accumulators);
        if (layout.minimums()) {
            kernels.combineMinimums(scratch.minimums(tile), columns / group, xSums,
                    row * layout.groups() + column / group, accumulators);
        }
    }

    /** Where the floats of a tile are: in the scratch, or in the matrix if it holds floats. */
    private long panel(int firstTile, int tile, int column) {
        return layout.codes() == PackedLayout.Codes.F32
                ? codes(firstTile + tile, column)
                : scratch.panel(tile);
    }

    private long codes(int tile, int column) {
        return matrix.tile(tile) + layout.codesOffset() + layout.codeBytes(column);
    }

    private void expandCodes(int tile, int panelTile, int column, int columns) {
        long codes = codes(tile, column);
        int count = columns * layout.lanes();
        long panel = scratch.panel(panelTile);
        switch (layout.codes()) {
            case F32 -> {
                // The tile is a panel already.
            }
            case F16 -> kernels.expandHalves(codes, count, panel);
            case BF16 -> kernels.expandBrainFloats(codes, count, panel);
            case BYTES -> kernels.expandBytes(codes, count, panel);
            case NIBBLES -> kernels.expandNibbles(codes, count, matrix.nibbleTable().address(),
                    panel);
        }
    }

    private void expandScales(int tile, int panelTile, int column, int columns) {
        if (layout.scales() == PackedLayout.Scales.NONE) {
            return;
        }
        int lanes = layout.lanes();
        int groups = columns / layout.groupElements();
        long skipped = (long) column / layout.groupElements() * lanes;
        long address = matrix.tile(tile);
        if (layout.scales() == PackedLayout.Scales.HALVES) {
            kernels.expandHalves(address + skipped * Short.BYTES, groups * lanes,
                    scratch.scales(panelTile));
            return;
        }
        int blockElements = layout.format().blockElements();
        int groupsPerBlock = blockElements / layout.groupElements();
        long factors = address + (long) column / blockElements * lanes * Float.BYTES;
        kernels.expandScales(factors, address + layout.scaleCodesOffset() + skipped, groups,
                groupsPerBlock, scratch.scales(panelTile));
        if (layout.minimums()) {
            kernels.expandScales(factors + layout.minFactorsOffset(),
                    address + layout.minCodesOffset() + skipped, groups, groupsPerBlock,
                    scratch.minimums(panelTile));
        }
    }

    /** Minimums are subtracted once per group, times the sum of the group's activations. */
    private void sumActivations() {
        int group = layout.groupElements();
        int groups = layout.groups();
        xSums = scratch.xSums(blockRows * groups);
        for (int i = 0; i < blockRows * groups; i++) {
            xSums[i] = sum(x, firstRow * layout.columns() + i * group, group);
        }
    }

    /** Four sums side by side: a fixed order that does not wait for every addition. */
    private static float sum(float[] x, int offset, int count) {
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        for (int i = offset; i < offset + count; i += 4) {
            a += x[i];
            b += x[i + 1];
            c += x[i + 2];
            d += x[i + 3];
        }
        return a + b + (c + d);
    }
}
