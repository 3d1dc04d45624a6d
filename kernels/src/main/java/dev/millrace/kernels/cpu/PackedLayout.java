package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;
import java.util.Locale;

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
 * scales   HALVES, BRAIN_FLOATS: (groups of the unit, lanes) 16-bit floats
 *          CODED:  (groups of the unit, lanes) signed bytes
 *          and the same for minimums if there are any
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
        BRAIN_FLOATS,
        CODED
    }

    static final int ALIGNMENT_BYTES = 64;
    static final int UNIT_COLUMNS = 32;
    /** A brain float is the upper half of a float32. */
    static final int BRAIN_SHIFT = 16;
    /** Floats in a vector of 512 bits. */
    static final int WIDEST_LANES = 16;

    static PackedLayout of(QuantFormat format, int lanes, int columns) {
        return switch (format) {
            case F32 -> ofFloats(format, lanes, columns, Codes.F32);
            case F16 -> ofFloats(format, lanes, columns, Codes.F16);
            case BF16 -> ofFloats(format, lanes, columns, Codes.BF16);
            default -> ofBlocks(QuantBlock.of(format), lanes, columns);
        };
    }

    private static PackedLayout ofFloats(QuantFormat format, int lanes, int columns, Codes codes) {
        return new PackedLayout(format, lanes, columns, codes, Scales.NONE, 0, false);
    }

    private static PackedLayout ofBlocks(QuantBlock block, int lanes, int columns) {
        Codes codes = block.codebook().length > 0 ? Codes.NIBBLES : Codes.BYTES;
        Scales scales = switch (block.scales()) {
            case HALVES -> Scales.HALVES;
            case BRAIN_FLOATS -> Scales.BRAIN_FLOATS;
            case CODED -> Scales.CODED;
        };
        return new PackedLayout(block.format(), lanes, columns, codes, scales,
                block.groupElements(), block.hasMinimums());
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

    /** From a unit to its minimums: the bytes of its scales. */
    int minimumsOffset() {
        return switch (scales) {
            case NONE -> 0;
            case HALVES, BRAIN_FLOATS -> unitGroups() * lanes * Short.BYTES;
            case CODED -> unitGroups() * lanes;
        };
    }

    /** From a unit to its codes. */
    int codesOffset() {
        return minimumsOffset() * (minimums ? 2 : 1);
    }

    /** How far up a 16-bit scale is moved to become the float32 of {@link #scaleMask}. */
    int scaleShift() {
        return scales == Scales.HALVES ? Halves.SHIFT : BRAIN_SHIFT;
    }

    /** What remains of a 16-bit scale that was extended and moved, if it is finite. */
    int scaleMask() {
        return scales == Scales.HALVES ? Halves.FINITE : -1;
    }

    /** What the float32 that remains is then multiplied by; exact. */
    float scaleFactor() {
        return scales == Scales.HALVES ? Halves.BIAS : 1;
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

    /** The kinds of codes and scales and what a weight takes, in words. */
    String description() {
        String codesText = switch (codes) {
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
            case BYTES -> "8-bit codes";
            case NIBBLES -> "4-bit codes";
        };
        String scalesText = switch (scales) {
            case NONE -> "";
            case HALVES -> ", float16 scales";
            case BRAIN_FLOATS -> ", bfloat16 scales";
            case CODED -> ", coded scales";
        };
        int sample = blockColumns() * UNIT_COLUMNS;
        double bits = 8.0 * blockOffset(sample) / ((long) sample * lanes);
        return String.format(Locale.ROOT, "%s%s: %.2f bits per weight", codesText, scalesText,
                bits);
    }

    long tileBytes() {
        return Math.ceilDiv(blockOffset(columns), ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    }
}
