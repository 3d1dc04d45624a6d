/*
 * How the native kernels lay out weights and activations in memory; NativeLayout.java says the same
 * in Java.
 *
 * A weight is cut into tiles of 16 rows, a tile into blocks of 256 columns, a block into a header
 * and up to 8 units of 32 columns, so that one row of activations reads a tile as one stream. The
 * last block of a tile has fewer units where the format's own blocks are that short.
 *
 *   header, half scales    (8 units, 16 rows) float16, bfloat16 for MXFP4; formats with minimums
 *                          have the same of those
 *   header, coded scales   (16 rows) float16 factors of scales, (16 rows) float16 factors of
 *                          minimums, (groups, 16 rows) bytes of scale codes, the same of codes of
 *                          minimums; those of Q2_K share the bytes of its scale codes
 *   unit                   planes of bits: the low 2, 4 or 8 of each code, then the high 1 or 2
 *
 * The codes of a unit are unsigned and come in 8 column groups of 4 columns; as bytes these are
 * (16 rows, 4 columns), one vector of 64. A plane of b bits is b such vectors, each with 8 / b
 * column groups side by side in its bytes, the first in the lowest bits: vector i holds the column
 * groups i, i + b, i + 2 b ...
 */
#ifndef MILLRACE_LAYOUT_H
#define MILLRACE_LAYOUT_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    TILE_ROWS = 16,
    UNIT_COLUMNS = 32,
    UNIT_COLUMN_GROUPS = 8,
    BLOCK_UNITS = 8,
    VECTOR_BYTES = 64,
    HALF_BYTES = 2,
    FACTOR_BYTES = 2 * TILE_ROWS * HALF_BYTES,
    /** Rounds row pitches, so that vectors do not straddle cache lines. */
    LINE_BYTES = 64
};

/** Numbered as in NativeLayout.java. */
typedef enum {
    Q4_0, Q8_0, Q2_K, Q4_K, Q5_K, Q6_K, IQ2_XXS, Q4_1, Q5_0, Q5_1, Q3_K, IQ4_NL, IQ4_XS, MXFP4,
    FORMATS
} format;

/** Bits of a code in the low plane. */
INLINE int low_bits(format f) {
    return f == Q8_0 ? 8 : f == Q2_K || f == Q3_K || f == IQ2_XXS ? 2 : 4;
}

/** Bits of a code in the high plane. */
INLINE int high_bits(format f) {
    int one = f == Q5_K || f == IQ2_XXS || f == Q5_0 || f == Q5_1 || f == Q3_K;
    return f == Q6_K ? 2 : one;
}

/** Whether codes select from a table of 16 bytes. */
INLINE int has_table(format f) {
    return f == IQ2_XXS || f == IQ4_NL || f == IQ4_XS || f == MXFP4;
}

/** Whether each unit has a scale of 16 bits of its own. */
INLINE int has_half_scales(format f) {
    return f == Q4_0 || f == Q8_0 || f == Q4_1 || f == Q5_0 || f == Q5_1 || f == IQ4_NL
            || f == MXFP4;
}

/** Formats either subtract minimums or count from a code that stands for zero. */
INLINE int has_minimums(format f) {
    return f == Q2_K || f == Q4_K || f == Q5_K || f == Q4_1 || f == Q5_1;
}

/** Logarithm of the code that stands for zero, after the table; for formats without minimums. */
INLINE int zero_shift(format f) {
    switch (f) {
        case Q8_0:
        case IQ4_NL:
        case IQ4_XS: return 7;
        case IQ2_XXS: return 6;
        case Q6_K: return 5;
        case Q5_0:
        case MXFP4: return 4;
        case Q3_K: return 2;
        default: return 3;
    }
}

/** Whether codes are bytes around 128. */
INLINE int has_byte_codes(format f) {
    return !has_minimums(f) && zero_shift(f) == 7;
}

/** Groups in a unit: each has a scale of its own. */
INLINE int unit_groups(format f) {
    return f == Q2_K || f == Q3_K || f == Q6_K ? 2 : 1;
}

INLINE int block_groups(format f) {
    return BLOCK_UNITS * unit_groups(f);
}

INLINE int64_t header_bytes(format f) {
    if (has_half_scales(f)) {
        return (has_minimums(f) ? 2 : 1) * BLOCK_UNITS * TILE_ROWS * HALF_BYTES;
    }
    int parts = has_minimums(f) && f != Q2_K ? 2 : 1;
    return FACTOR_BYTES + parts * block_groups(f) * TILE_ROWS;
}

INLINE int64_t unit_bytes(format f) {
    return VECTOR_BYTES * (low_bits(f) + high_bits(f));
}

INLINE int64_t block_bytes(format f) {
    return header_bytes(f) + BLOCK_UNITS * unit_bytes(f);
}

INLINE int64_t tile_bytes(format f, int64_t units) {
    int64_t rest = units % BLOCK_UNITS;
    return units / BLOCK_UNITS * block_bytes(f)
            + (rest == 0 ? 0 : header_bytes(f) + rest * unit_bytes(f));
}

/*
 * A row of quantised activations, as offsets in bytes:
 *
 *   codes      (columns) int8
 *   scales     (units) float32
 *   zeros      (units) int32: -128 times the sum of a unit's codes
 *   zeros16    (units, 2) int32: the same of its halves
 *   sums       (units) float32: a unit's scale times the sum of its codes
 *   sums16     (units, 2) float32: the same of its halves
 *
 * A row takes an odd number of cache lines: rows that are read side by side would otherwise compete
 * for few sets of the cache.
 */
typedef struct {
    int64_t scales;
    int64_t zeros;
    int64_t zeros16;
    int64_t sums;
    int64_t sums16;
    int64_t bytes;
} row_layout;

INLINE row_layout row_of(int64_t units) {
    row_layout row;
    row.scales = units * UNIT_COLUMNS;
    row.zeros = row.scales + units * (int64_t) sizeof(float);
    row.zeros16 = row.zeros + units * (int64_t) sizeof(int32_t);
    row.sums = row.zeros16 + units * 2 * (int64_t) sizeof(int32_t);
    row.sums16 = row.sums + units * (int64_t) sizeof(float);
    int64_t end = row.sums16 + units * 2 * (int64_t) sizeof(float);
    row.bytes = ((end + LINE_BYTES - 1) / LINE_BYTES | 1) * LINE_BYTES;
    return row;
}

/*
 * A panel: two tiles, expanded for products of many rows, as offsets in bytes:
 *
 *   codes      (units, 8 column groups, 32 rows, 4 columns) bytes
 *   scales     (units, groups, 32 rows) float32
 *   minimums   the same
 */
enum { PANEL_TILES = 2, PANEL_ROWS = PANEL_TILES * TILE_ROWS };

typedef struct {
    int64_t scales;
    int64_t minimums;
    int64_t bytes;
} panel_layout;

INLINE panel_layout panel_of(format f, int64_t units) {
    int64_t scale_bytes = units * unit_groups(f) * PANEL_ROWS * (int64_t) sizeof(float);
    panel_layout panel;
    panel.scales = units * UNIT_COLUMNS * PANEL_ROWS;
    panel.minimums = panel.scales + scale_bytes;
    panel.bytes = panel.minimums + (has_minimums(f) ? scale_bytes : 0);
    return panel;
}

/**
 * The format that the panels of another have too: with products that take whole bytes, formats
 * differ by their groups and by whether they have minimums only.
 */
INLINE format byte_panel_format(format f) {
    if (unit_groups(f) == 2) {
        return has_minimums(f) ? Q2_K : Q6_K;
    }
    return has_minimums(f) ? Q5_K : Q8_0;
}

#endif
