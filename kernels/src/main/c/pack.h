/* Packs 16 rows of a GGUF tensor into a tile. */
#include "layout.h"
#include <string.h>

/** Codes of a block of a row as bytes, and where its scales are. */
typedef uint8_t block_codes[BLOCK_UNITS * UNIT_COLUMNS];

/** Bytes and columns of a format's own block. */
INLINE int64_t source_bytes(format f) {
    static const int64_t BYTES[FORMATS] = {
        18, 34, 84, 144, 176, 210, 66, 20, 22, 24, 110, 18, 136, 17};
    return BYTES[f];
}

INLINE int source_units(format f) {
    return has_half_scales(f) ? 1 : BLOCK_UNITS;
}

/** Of every 64 codes the low nibbles are the first 32, the high ones the others. */
static void read_nibbles(const uint8_t *source, uint8_t *codes) {
    for (int chunk = 0; chunk < 4; chunk++) {
        for (int i = 0; i < 32; i++) {
            codes[chunk * 64 + i] = source[chunk * 32 + i] & 0xF;
            codes[chunk * 64 + 32 + i] = source[chunk * 32 + i] >> 4;
        }
    }
}

/** Of a unit's 32 codes the low nibbles are the first 16, the high ones the others. */
static void read_unit_nibbles(const uint8_t *source, uint8_t *codes) {
    for (int i = 0; i < 16; i++) {
        codes[i] = source[i] & 0xF;
        codes[16 + i] = source[i] >> 4;
    }
}

/** A unit's fifth bits stand before its nibbles. */
static void read_five_bits(const uint8_t *source, uint8_t *codes) {
    uint32_t fifths;
    memcpy(&fifths, source, sizeof fifths);
    read_unit_nibbles(source + sizeof fifths, codes);
    for (int i = 0; i < UNIT_COLUMNS; i++) {
        codes[i] |= (fifths >> i & 1) << 4;
    }
}

static void read_q8_0(const uint8_t *source, uint8_t *codes) {
    for (int i = 0; i < 32; i++) {
        codes[i] = source[2 + i] ^ 0x80;
    }
}

static void read_q2_k(const uint8_t *source, uint8_t *codes) {
    for (int half = 0; half < 2; half++) {
        for (int quarter = 0; quarter < 4; quarter++) {
            for (int i = 0; i < 32; i++) {
                codes[half * 128 + quarter * 32 + i]
                        = source[16 + half * 32 + i] >> 2 * quarter & 3;
            }
        }
    }
}

static void read_q3_k(const uint8_t *source, uint8_t *codes) {
    for (int half = 0; half < 2; half++) {
        for (int quarter = 0; quarter < 4; quarter++) {
            for (int i = 0; i < 32; i++) {
                codes[half * 128 + quarter * 32 + i]
                        = (source[32 + half * 32 + i] >> 2 * quarter & 3)
                        | (source[i] >> (half * 4 + quarter) & 1) << 2;
            }
        }
    }
}

static void read_q5_k(const uint8_t *source, uint8_t *codes) {
    read_nibbles(source + 48, codes);
    for (int unit = 0; unit < BLOCK_UNITS; unit++) {
        for (int i = 0; i < 32; i++) {
            codes[unit * 32 + i] |= (source[16 + i] >> unit & 1) << 4;
        }
    }
}

static void read_q6_k(const uint8_t *source, uint8_t *codes) {
    for (int half = 0; half < 2; half++) {
        for (int quarter = 0; quarter < 4; quarter++) {
            const uint8_t *low = source + half * 64 + quarter % 2 * 32;
            const uint8_t *high = source + 128 + half * 32;
            for (int i = 0; i < 32; i++) {
                codes[half * 128 + quarter * 32 + i] = (low[i] >> quarter / 2 * 4 & 0xF)
                        | (high[i] >> quarter * 2 & 3) << 4;
            }
        }
    }
}

/** `points` holds 8 magnitudes (8, 25 or 43) for each of the 256 points of the lattice. */
static void read_iq2_xxs(const uint8_t *source, const uint8_t *points, uint8_t *codes) {
    for (int unit = 0; unit < BLOCK_UNITS; unit++) {
        const uint8_t *indices = source + 2 + unit * 8;
        uint32_t signs_and_scale;
        memcpy(&signs_and_scale, indices + 4, sizeof signs_and_scale);
        for (int point = 0; point < 4; point++) {
            uint32_t signs = signs_and_scale >> point * 7 & 0x7F;
            signs |= (uint32_t) __builtin_parity(signs) << 7;
            for (int i = 0; i < 8; i++) {
                codes[unit * 32 + point * 8 + i]
                        = points[indices[point] * 8 + i] >> 4 | (signs >> i & 1) << 2;
            }
        }
    }
}

INLINE void read_codes(format f, const uint8_t *source, const uint8_t *points, uint8_t *codes) {
    switch (f) {
        case Q4_0:
        case IQ4_NL: read_unit_nibbles(source + 2, codes); break;
        case Q4_1: read_unit_nibbles(source + 4, codes); break;
        case MXFP4: read_unit_nibbles(source + 1, codes); break;
        case Q5_0: read_five_bits(source + 2, codes); break;
        case Q5_1: read_five_bits(source + 4, codes); break;
        case IQ4_XS:
            for (int unit = 0; unit < BLOCK_UNITS; unit++) {
                read_unit_nibbles(source + 8 + unit * 16, codes + unit * UNIT_COLUMNS);
            }
            break;
        case Q3_K: read_q3_k(source, codes); break;
        case Q8_0: read_q8_0(source, codes); break;
        case Q2_K: read_q2_k(source, codes); break;
        case Q4_K: read_nibbles(source + 16, codes); break;
        case Q5_K: read_q5_k(source, codes); break;
        case Q6_K: read_q6_k(source, codes); break;
        default: read_iq2_xxs(source, points, codes); break;
    }
}

/** Scales and minimums of Q4_K and Q5_K, six bits each, from 12 bytes. */
INLINE void pack_six_bits(const uint8_t *packed, uint8_t *scales, uint8_t *minimums) {
    for (int group = 0; group < 4; group++) {
        int low = packed[group];
        int middle = packed[group + 4];
        int high = packed[group + 8];
        scales[group * TILE_ROWS] = low & 0x3F;
        minimums[group * TILE_ROWS] = middle & 0x3F;
        scales[(group + 4) * TILE_ROWS] = (high & 0xF) | low >> 6 << 4;
        minimums[(group + 4) * TILE_ROWS] = high >> 4 | middle >> 6 << 4;
    }
}

/** Scales of Q3_K, six bits each, from 12 bytes; 32 stands for zero. */
INLINE void pack_signed_six_bits(const uint8_t *packed, uint8_t *scales) {
    for (int group = 0; group < 16; group++) {
        int low = packed[group % 8] >> group / 8 * 4 & 0xF;
        int high = packed[8 + group % 4] >> group / 4 * 2 & 3;
        scales[group * TILE_ROWS] = (uint8_t) ((low | high << 4) - 32);
    }
}

/** Scales of IQ4_XS, whose upper two bits stand before the lower four; 32 stands for zero. */
INLINE void pack_split_six_bits(const uint8_t *packed, uint8_t *scales) {
    for (int group = 0; group < BLOCK_UNITS; group++) {
        int low = packed[2 + group / 2] >> group % 2 * 4 & 0xF;
        int high = packed[group / 4] >> group % 4 * 2 & 3;
        scales[group * TILE_ROWS] = (uint8_t) ((low | high << 4) - 32);
    }
}

/** The upper half of a float: two to the power of a byte minus 128. */
INLINE void pack_power_of_two(uint8_t exponent, uint8_t *scale) {
    uint16_t bits = (uint16_t) (exponent < 2 ? 0x20 << exponent : (exponent - 1) << 7);
    memcpy(scale, &bits, sizeof bits);
}

/** Writes one row's part of a header; `unit` is that of a half scale. */
INLINE void pack_scales(format f, const uint8_t *source, int unit, uint8_t *header, int row) {
    uint8_t *factor = header + row * HALF_BYTES;
    uint8_t *min_factor = factor + TILE_ROWS * HALF_BYTES;
    uint8_t *codes = header + FACTOR_BYTES + row;
    switch (f) {
        case Q4_0:
        case Q8_0:
        case Q5_0:
        case IQ4_NL:
            memcpy(factor + unit * TILE_ROWS * HALF_BYTES, source, HALF_BYTES);
            break;
        case Q4_1:
        case Q5_1:
            memcpy(factor + unit * TILE_ROWS * HALF_BYTES, source, HALF_BYTES);
            factor += BLOCK_UNITS * TILE_ROWS * HALF_BYTES; // what is added is subtracted here
            memcpy(factor + unit * TILE_ROWS * HALF_BYTES, source + HALF_BYTES, HALF_BYTES);
            factor[unit * TILE_ROWS * HALF_BYTES + 1] ^= 0x80;
            break;
        case MXFP4:
            pack_power_of_two(source[0], factor + unit * TILE_ROWS * HALF_BYTES);
            break;
        case Q3_K:
            memcpy(factor, source + 108, HALF_BYTES);
            pack_signed_six_bits(source + 96, codes);
            break;
        case IQ4_XS:
            memcpy(factor, source, HALF_BYTES);
            pack_split_six_bits(source + 2, codes);
            break;
        case Q2_K:
            memcpy(factor, source + 80, HALF_BYTES);
            memcpy(min_factor, source + 82, HALF_BYTES);
            for (int group = 0; group < block_groups(f); group++) {
                codes[group * TILE_ROWS] = source[group];
            }
            break;
        case Q6_K:
            memcpy(factor, source + 208, HALF_BYTES);
            for (int group = 0; group < block_groups(f); group++) {
                codes[group * TILE_ROWS] = source[192 + group];
            }
            break;
        case IQ2_XXS:
            memcpy(factor, source, HALF_BYTES);
            for (int group = 0; group < block_groups(f); group++) {
                codes[group * TILE_ROWS] = (source[2 + group * 8 + 7] >> 4) * 2 + 1;
            }
            break;
        default:
            memcpy(factor, source, HALF_BYTES);
            memcpy(min_factor, source + 2, HALF_BYTES);
            pack_six_bits(source + 4, codes, codes + block_groups(f) * TILE_ROWS);
    }
}

/** Writes one row's codes of a unit into its planes. */
INLINE void pack_unit(format f, const uint8_t *codes, uint8_t *unit, int row) {
    uint32_t fours[UNIT_COLUMN_GROUPS];
    memcpy(fours, codes, sizeof fours);
    int low = low_bits(f);
    int high = high_bits(f);
    uint32_t low_mask = 0x01010101u * ((1u << low) - 1);
    for (int plane = 0; plane < low + high; plane++) {
        int bits = plane < low ? low : high;
        int first = plane < low ? plane : plane - low;
        uint32_t word = 0;
        for (int i = 0; i < 8 / bits; i++) {
            uint32_t four = fours[first + i * bits];
            word |= (plane < low ? four & low_mask : (four & ~low_mask) >> low) << i * bits;
        }
        memcpy(unit + plane * VECTOR_BYTES + row * 4, &word, sizeof word);
    }
}

/** Packs up to 16 rows of a format; those that are missing become zero. */
INLINE void pack_tile(format f, const uint8_t *source, int64_t row_bytes, int rows, int64_t units,
        const uint8_t *points, uint8_t *tile) {
    if (rows < TILE_ROWS) {
        memset(tile, 0, (size_t) tile_bytes(f, units));
    }
    for (int64_t first = 0; first < units; first += BLOCK_UNITS, tile += block_bytes(f)) {
        int block_units = units - first < BLOCK_UNITS ? (int) (units - first) : BLOCK_UNITS;
        for (int row = 0; row < rows; row++) {
            const uint8_t *block = source + row * row_bytes
                    + first / source_units(f) * source_bytes(f);
            for (int u = 0; u < block_units; u += source_units(f), block += source_bytes(f)) {
                block_codes codes;
                read_codes(f, block, points, codes);
                pack_scales(f, block, u, tile, row);
                for (int i = 0; i < source_units(f); i++) {
                    pack_unit(f, codes + i * UNIT_COLUMNS,
                            tile + header_bytes(f) + (u + i) * unit_bytes(f), row);
                }
            }
        }
    }
}
