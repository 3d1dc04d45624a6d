package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KvFormat;

/**
 * Where the elements of one head's keys and values are, in tiles of {@value #TILE_TOKENS}
 * positions.
 *
 * <p>Both are kept as the right side of a matrix product with rows of {@value #LANES} elements, so
 * that attention reads a tile as one stream and sums nothing across lanes: the lanes of a key tile
 * are positions, those of a value tile are elements of the head, in slabs of {@value #LANES}; the
 * last slab of a value is filled up with zeros.
 *
 * <pre>
 * keys    F32, F16  (headSize, TILE_TOKENS)
 *         Q8_0      for each group of 32 elements: (TILE_TOKENS) scales as halves,
 *                   (elements, TILE_TOKENS) signed bytes
 * values  F32, F16  (slabs, TILE_TOKENS, LANES)
 *         Q8_0      (TILE_TOKENS) scales as halves, (slabs, TILE_TOKENS, LANES) signed bytes
 * </pre>
 *
 * @param fours bytes only: of four rows, those of a lane lie side by side, as the native kernels'
 *              dot products take them
 */
record KvLayout(KvFormat format, int headSize, boolean fours) {

    /** Steps whose bytes lie side by side. */
    static final int FOUR = 4;

    /** Positions in one tile. */
    static final int TILE_TOKENS = 32;
    /** Elements in one row of a tile. */
    static final int LANES = TILE_TOKENS;
    /** Pairs of halves in one row. */
    static final int PAIRS = LANES / 2;
    /** Bytes of the scales of one tile, or of one group of it. */
    static final int SCALES_BYTES = TILE_TOKENS * Short.BYTES;

    KvLayout {
        if (fours && !hasFours(format, headSize)) {
            throw new IllegalArgumentException("elements lie by fours as bytes, where a head has a"
                    + " multiple of four; got " + format + " and " + headSize);
        }
    }

    KvLayout(KvFormat format, int headSize) {
        this(format, headSize, false);
    }

    /** Whether elements can lie by fours. */
    static boolean hasFours(KvFormat format, int headSize) {
        return format == KvFormat.Q8_0 && headSize % FOUR == 0;
    }

    int elementBytes() {
        return switch (format) {
            case F32 -> Float.BYTES;
            case F16 -> Short.BYTES;
            case Q8_0 -> Byte.BYTES;
        };
    }

    /**
     * Bytes from a row to an element of it. Halves lie in pairs, elements i and i + 16 in one word
     * of 32 bits, because a word becomes two floats with fewer instructions than two halves do.
     */
    int laneOffset(int lane) {
        return switch (format) {
            case F32 -> lane * Float.BYTES;
            case F16 -> lane % PAIRS * 2 * Short.BYTES + lane / PAIRS * Short.BYTES;
            case Q8_0 -> fours ? lane * FOUR : lane;
        };
    }

    /** Bytes of one row of a tile. */
    int rowBytes() {
        return LANES * elementBytes();
    }

    /** Slabs of a value. */
    int slabs() {
        return Math.ceilDiv(headSize, LANES);
    }

    /** Elements of a value with its padding. */
    int paddedSize() {
        return slabs() * LANES;
    }

    /** Groups of a key that have scales of their own; none but in Q8_0. */
    int groups() {
        return format == KvFormat.Q8_0 ? Math.ceilDiv(headSize, KvFormat.GROUP_ELEMENTS) : 0;
    }

    int keyTileBytes() {
        return headSize * rowBytes() + groups() * SCALES_BYTES;
    }

    int valueTileBytes() {
        return paddedSize() * rowBytes() + (format == KvFormat.Q8_0 ? SCALES_BYTES : 0);
    }

    /** Bytes from a key tile to its row of an element. */
    int keyRow(int element) {
        int scales = format == KvFormat.Q8_0 ? element / KvFormat.GROUP_ELEMENTS + 1 : 0;
        return rowOffset(element) + scales * SCALES_BYTES;
    }

    /** Bytes from a key tile to the scales of an element; Q8_0 only. */
    int keyScales(int element) {
        int group = element / KvFormat.GROUP_ELEMENTS;
        return group * (KvFormat.GROUP_ELEMENTS * rowBytes() + SCALES_BYTES);
    }

    /** Bytes from a value tile to a slab's row of a position. */
    int valueRow(int slab, int token) {
        int scales = format == KvFormat.Q8_0 ? SCALES_BYTES : 0;
        return scales + slab * TILE_TOKENS * rowBytes() + rowOffset(token);
    }

    private int rowOffset(int row) {
        return fours ? row / FOUR * FOUR * rowBytes() + row % FOUR : row * rowBytes();
    }
}
