package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantBlock;
import dev.millrace.kernels.QuantFormat;

/**
 * How the vector kernels lay out a matrix: rows in tiles, one row per lane.
 *
 * <p>A tile is its scales followed by its codes. Codes of all formats come in five kinds and scales
 * in three, whatever the format; kernels know the kinds only.
 *
 * <pre>
 * codes    F32, F16, BF16, BYTES: (columns, lanes)
 *          NIBBLES, 16 lanes: (columns / 8, lanes) words of 8 columns, the first lowest
 *          NIBBLES, fewer: as BYTES, 32 codes in 16 bytes, the first 16 in the low nibbles
 * scales   HALVES: (groups, lanes) float16
 *          CODED:  (blocks, lanes) float32 factors, the same of the minimums if there are any,
 *                  (groups, lanes) signed bytes, the same of the minimums
 * </pre>
 *
 * @param format        what was packed
 * @param lanes         rows in a tile
 * @param columns       inputs
 * @param codes         the kind of codes
 * @param scales        the kind of scales
 * @param groupElements consecutive columns that share a scale; 0 without scales
 * @param minimums      whether groups subtract a minimum
 */
record PackedLayout(QuantFormat format, int lanes, int columns, Codes codes, Scales scales,
        int groupElements, boolean minimums) {

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

    int groups() {
        return groupElements == 0 ? 0 : columns / groupElements;
    }

    private int blocks() {
        return columns / format.blockElements();
    }

    /** From the start of a tile to its factors of minimums. */
    long minFactorsOffset() {
        return (long) blocks() * lanes * Float.BYTES;
    }

    /** From the start of a tile to its coded scales. */
    long scaleCodesOffset() {
        return minFactorsOffset() * (minimums ? 2 : 1);
    }

    /** From the start of a tile to its coded minimums. */
    long minCodesOffset() {
        return scaleCodesOffset() + (long) groups() * lanes;
    }

    /** From the start of a tile to its codes. */
    long codesOffset() {
        long bytes = switch (scales) {
            case NONE -> 0;
            case HALVES -> (long) groups() * lanes * Short.BYTES;
            case CODED -> minCodesOffset() + (minimums ? (long) groups() * lanes : 0);
        };
        return roundUp(bytes);
    }

    /** From a tile's codes to the byte that holds a nibble, by its index in (columns, lanes). */
    long nibbleOffset(long index) {
        if (lanes == NibbleTable.ENTRIES) {
            long column = index / lanes;
            return (column / 8 * lanes + index % lanes) * Integer.BYTES + column % 8 / 2;
        }
        return index / 32 * 16 + index % 16;
    }

    /** How far up in its byte a nibble is, in bits. */
    int nibbleShift(long index) {
        boolean low = lanes == NibbleTable.ENTRIES ? index / lanes % 2 == 0 : index % 32 < 16;
        return low ? 0 : 4;
    }

    /** Bytes of the codes of {@code count} columns of a tile. */
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
        return codesOffset() + roundUp(codeBytes(columns));
    }

    private static long roundUp(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    }
}
