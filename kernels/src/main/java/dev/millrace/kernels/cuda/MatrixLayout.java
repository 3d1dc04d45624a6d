package dev.millrace.kernels.cuda;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;

/**
 * Where a matrix has what on the device: up to four planes, one after the other, each tile by tile.
 * A tile is 16 rows. {@code formats.cu} says the same in its words.
 *
 * @param codesBytes   of a tile
 * @param extraBytes   of a tile: lower halves, upper bits, minimums or zero points; 0 for none
 * @param scalesBytes  of a tile; 0 for none
 * @param factorsBytes of a tile; 0 for none
 */
record MatrixLayout(DeviceFormat format, boolean minimums, int rows, int columns, int codesBytes,
        int extraBytes, int scalesBytes, int factorsBytes) {

    static final int TILE_ROWS = 16;
    static final int BLOCK_COLUMNS = 128;
    static final int WIDE_COLUMNS = 256;
    /** Planes begin at multiples of this. */
    static final int ALIGNMENT_BYTES = 256;
    /** Of a block's codes, 64 bytes of each of a tile's rows: one load of all lanes. */
    static final int PART_BYTES = 1024;

    static MatrixLayout of(QuantFormat source, int rows, int columns) {
        DeviceFormat format = DeviceFormat.of(source);
        boolean minimums = format == DeviceFormat.WIDE && QuantBlock.of(source).hasMinimums();
        int blocks = Math.ceilDiv(columns, BLOCK_COLUMNS);
        int wide = Math.ceilDiv(columns, WIDE_COLUMNS);
        int ofGroups = TILE_ROWS * BLOCK_COLUMNS / 16 * Float.BYTES; // floats for 16 columns
        return switch (format) {
            case F16 -> new MatrixLayout(format, false, rows, columns, blocks * 4 * PART_BYTES, 0,
                    0, TILE_ROWS * Float.BYTES);
            case F16X2 -> new MatrixLayout(format, false, rows, columns, blocks * 4 * PART_BYTES,
                    blocks * 4 * PART_BYTES, 0, TILE_ROWS * Float.BYTES);
            case I8 -> new MatrixLayout(format, false, rows, columns, blocks * 2 * PART_BYTES, 0,
                    0, TILE_ROWS * Float.BYTES);
            case Q8 -> new MatrixLayout(format, false, rows, columns, blocks * 2 * PART_BYTES, 0,
                    blocks * TILE_ROWS * 8, 0);
            case Q4 -> new MatrixLayout(format, false, rows, columns, blocks * PART_BYTES, 0,
                    blocks * TILE_ROWS * 8, 0);
            case Q4Z -> new MatrixLayout(format, false, rows, columns, blocks * PART_BYTES,
                    blocks * TILE_ROWS * 2, blocks * TILE_ROWS * 8, 0);
            case I4 -> new MatrixLayout(format, false, rows, columns, blocks * PART_BYTES, 0,
                    blocks * TILE_ROWS * 2, 0);
            case I4Z -> new MatrixLayout(format, false, rows, columns, blocks * PART_BYTES,
                    blocks * TILE_ROWS, blocks * TILE_ROWS * 2, 0);
            case Q4K -> new MatrixLayout(format, false, rows, columns, blocks * PART_BYTES, 0,
                    wide * TILE_ROWS * 16, 0);
            case Q6K -> new MatrixLayout(format, false, rows, columns, blocks * PART_BYTES,
                    blocks * PART_BYTES / 2, blocks * TILE_ROWS * 8, wide * TILE_ROWS * 2);
            case WIDE -> new MatrixLayout(format, minimums, rows, columns,
                    blocks * 2 * PART_BYTES, minimums ? blocks * ofGroups : 0, blocks * ofGroups,
                    0);
        };
    }

    int tiles() {
        return Math.ceilDiv(rows, TILE_ROWS);
    }

    long extraOffset() {
        return aligned((long) tiles() * codesBytes);
    }

    long scalesOffset() {
        return extraOffset() + aligned((long) tiles() * extraBytes);
    }

    long factorsOffset() {
        return scalesOffset() + aligned((long) tiles() * scalesBytes);
    }

    /** Bytes of the whole matrix. */
    long bytes() {
        return factorsOffset() + aligned((long) tiles() * factorsBytes);
    }

    /** Which four columns of 16 a lane holds: the lane's place among those of a row. */
    private static int lane(int column) {
        return column % 16 / 4;
    }

    private static int block(int column) {
        return column / BLOCK_COLUMNS;
    }

    private static int step(int column) {
        return column % BLOCK_COLUMNS / 16;
    }

    private static int part(int index, int row, int column) {
        return index * PART_BYTES + row * 64 + lane(column) * 16;
    }

    /** The half of a float, as a byte offset within its tile's codes. */
    static int half(int row, int column) {
        return part(block(column) * 4 + step(column) / 2, row, column) + step(column) % 2 * 8
                + column % 4 * 2;
    }

    /** The byte of a code of eight bits. */
    static int byteCode(int row, int column) {
        return part(block(column) * 2 + step(column) / 4, row, column) + step(column) % 4 * 4
                + column % 4;
    }

    /** The nibble of a code, twice the byte offset and one more for the upper. */
    static int nibble(int row, int column) {
        int pair = step(column) % 2 * 2 + column % 4 / 2;
        return 2 * (part(block(column), row, column) + step(column) / 2 * 4)
                + pair + 4 * (column % 2);
    }

    /** The same where two groups of 32 columns take every other nibble of their words. */
    static int alternateNibble(int row, int column) {
        int word = step(column) / 4 * 2 + step(column) % 2;
        int pair = column % 4 / 2 * 2 + step(column) / 2 % 2;
        return 2 * (part(block(column), row, column) + word * 4) + pair + 4 * (column % 2);
    }

    /** The first of two words with six bits of 64 columns of a lane each, as a byte offset. */
    static int sixBits(int row, int column) {
        return part(block(column), row, column) + step(column) / 4 * 8;
    }

    /** The third such word, within the extra plane. */
    static int sixBitsExtra(int row, int column) {
        return ((block(column) * TILE_ROWS + row) * 4 + lane(column)) * 8 + step(column) / 4 * 4;
    }

    /** Which of a lane's eight pairs of columns among 64. */
    static int pairOf64(int column) {
        return step(column) % 4 * 2 + column % 4 / 2;
    }

    /** Which of a plane of (blocks, rows). */
    static int place(int row, int column) {
        return block(column) * TILE_ROWS + row;
    }

    /** Which of a plane of (256 columns, rows). */
    static int widePlace(int row, int column) {
        return column / WIDE_COLUMNS * TILE_ROWS + row;
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    }
}
