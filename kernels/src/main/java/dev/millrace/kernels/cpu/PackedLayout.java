package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;

/**
 * How the vector kernels lay out a matrix: rows in tiles, one row per lane.
 *
 * <p>A tile is a sequence of the format's blocks; a block is its factors and then units of 32
 * columns; a unit is its scales and then its codes. So a tile is read as one stream, which is what
 * makes the memory fast. Codes of all formats come in five kinds and scales in three,
 * whatever the format; kernels know the kinds only. Tiles of plain floats are codes alone.
 *
 * <pre>
 * factors  CODED:  (lanes) float32, the same for minimums if there are any
 * scales   HALVES: (lanes) float16
 *          CODED:  (groups of the unit, lanes) signed bytes, the same for minimums
 * codes    F32, F16, BF16, BYTES: (columns, lanes)
 *          NIBBLES, 16 lanes: (columns / 8, lanes) words of 8 columns, the first lowest
 *          NIBBLES, fewer: as BYTES, 32 codes in 16 bytes, the first 16 in the low nibbles
 * </pre>
 *
 * @param format        what was packed
 * @param lanes         rows in a tile
 * @param columns       inputs
 * @param codes         the kind of codes
 * @param scales        the kind of scales
 * @param groupColumns  columns that share a scale, 16 or 32; 0 without scales
 * @param minimums      whether groups subtract a minimum
 */
record PackedLayout(QuantFormat format, int lanes, int columns, Codes codes, Scales scales,
        int groupColumns, boolean minimums) {

    /** What stands for an element. */
    enum Codes {
        F32,
        F16,
        BF16,
        /** A signed byte. */
        BYTES,
        /** Four bits that select one of sixteen signed bytes. */
        NIBBLES
    }

    /** What codes are multiplied by. */
    enum Scales {
        NONE,
        HALVES,
        CODED
    }

    static final int ALIGNMENT_BYTES = 64;
    static final int UNIT_COLUMNS = 32;
    /** Floats in a vector of 512 bits. */
    static final int WIDEST_LANES = 16;

    static PackedLayout of(QuantFormat format, int lanes, int columns) {
        Codes codes = switch (format) {
            case F32 -> Codes.F32;
            case F16 -> Codes.F16;
            case BF16 -> Codes.BF16;
            case Q8_0, Q5_K, Q6_K -> Codes.BYTES;
            case Q4_0, Q2_K, Q4_K, IQ2_XXS -> Codes.NIBBLES;
        };
        if (format.blockElements() == 1) {
            return new PackedLayout(format, lanes, columns, codes, Scales.NONE, 0, false);
        }
        QuantBlock block = QuantBlock.of(format);
        Scales scales = block.groups() == 1 ? Scales.HALVES : Scales.CODED;
        return new PackedLayout(format, lanes, columns, codes, scales, block.groupElements(),
                block.hasMinimums());
    }

    /** Columns of a block. */
    int blockColumns() {
        return format.blockElements();
    }

    /** Units in a block. */
    int blockUnits() {
        return blockColumns() / UNIT_COLUMNS;
    }

    /** Groups in a unit. */
    int unitGroups() {
        return UNIT_COLUMNS / groupColumns;
    }

    /** From a block to its first unit. */
    int factorBytes() {
        return scales == Scales.CODED ? lanes * Float.BYTES * (minimums ? 2 : 1) : 0;
    }

    /** From a unit to its coded minimums. */
    int minCodesOffset() {
        return unitGroups() * lanes;
    }

    /** From a unit to its codes. */
    int codesOffset() {
        return switch (scales) {
            case NONE -> 0;
            case HALVES -> lanes * Short.BYTES;
            case CODED -> minCodesOffset() * (minimums ? 2 : 1);
        };
    }

    /** From one unit of a block to the next. */
    int unitBytes() {
        return codesOffset() + (int) codeBytes(UNIT_COLUMNS);
    }

    /** From one block to the next. */
    int blockBytes() {
        return factorBytes() + blockUnits() * unitBytes();
    }

    /** From a tile to the block that starts at a column; plain floats have a block per column. */
    long blockOffset(int column) {
        return scales == Scales.NONE
                ? codeBytes(column)
                : (long) column / blockColumns() * blockBytes();
    }

    /** From a unit's codes to the byte that holds a nibble, by its index in (columns, lanes). */
    int nibbleOffset(int index) {
        if (lanes == NibbleTable.ENTRIES) {
            int column = index / lanes;
            return (column / 8 * lanes + index % lanes) * Integer.BYTES + column % 8 / 2;
        }
        return index / 32 * 16 + index % 16;
    }

    /** How far up in its byte a nibble is, in bits. */
    int nibbleShift(int index) {
        boolean low = lanes == NibbleTable.ENTRIES ? index / lanes % 2 == 0 : index % 32 < 16;
        return low ? 0 : 4;
    }

    /** Bytes of the codes of {@code count} columns. */
    long codeBytes(int count) {
        long elements = (long) count * lanes;
        return switch (codes) {
            case F32 -> elements * Float.BYTES;
            case F16, BF16 -> elements * Short.BYTES;
            case BYTES -> elements;
            case NIBBLES -> elements / 2;
        };
    }

    long tileBytes() {
        return Math.ceilDiv(blockOffset(columns), ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    }
}
