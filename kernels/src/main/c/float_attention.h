/*
 * Products of rows of floats with tiles of a cache, which KvLayout.java lays out:
 * AttentionKernels.java says what each does and VectorAttentionKernels.java is its twin. Every lane
 * is one chain of fused multiply-adds in order of the steps, so all variants give the same bits.
 *
 * Rows of halves have lanes 0 to 15 in the lower and 16 to 31 in the upper parts of 16 integers.
 * Moved to where a float has its exponent, a half is too small by 2^112: callers know.
 */
#include "layout.h"
#include <string.h>

enum {
    KV_LANES = 32,
    KV_PAIRS = KV_LANES / 2,
    /** Rows that read a tile together, two vectors at a time. */
    KV_ROWS = 4,
    HALF_SHIFT = 13,
    HALF_BITS = 16,
};

/** Sign, exponent and mantissa of a finite half whose sign was extended before it moved. */
#define HALF_FINITE ((int32_t) 0x8FFFE000)
#define HALF_MAGNITUDE 0x0FFFE000
/** Magnitudes from here on are infinite or NaN. */
#define HALF_INFINITY 0x0F800000
/** The exponent that makes a float infinite or NaN. */
#define FLOAT_INFINITY 0x7F800000
#define HALF_BIAS 0x1p112f

typedef enum { KV_FLOATS, KV_HALVES, KV_BYTES } kv_elements;

/** From a lane of a tile's row to the other vector that is read with it. */
INLINE int second_lane(kv_elements type) {
    return type == KV_HALVES ? KV_PAIRS : LANES;
}

INLINE int64_t kv_row_bytes(kv_elements type) {
    return type == KV_FLOATS
            ? KV_LANES * (int64_t) sizeof(float)
            : KV_LANES * (type == KV_HALVES ? HALF_BYTES : 1);
}

/** Reads two vectors of a row, from a lane and from its second lane on. */
INLINE void read_row(kv_elements type, const uint8_t *row, int lane, floats out[2]) {
    if (type == KV_HALVES) {
        const ints finite = repeat_int((const uint8_t *) &(int32_t){HALF_FINITE});
        ints pairs = load_ints(row + lane * 2 * HALF_BYTES);
        out[0] = floats_of_bits(and_ints(
                shift_right(shift_left(pairs, HALF_BITS), HALF_BITS - HALF_SHIFT), finite));
        out[1] = floats_of_bits(and_ints(shift_right(pairs, HALF_BITS - HALF_SHIFT), finite));
        return;
    }
    UNROLL for (int v = 0; v < 2; v++) {
        int first = lane + v * LANES;
        out[v] = type == KV_FLOATS
                ? load_floats((const float *) row + first)
                : floats_of_ints(ints_of_bytes(row + first));
    }
}

/**
 * Adds the products of 4 rows with a tile to c or, with scales, the scaled products.
 *
 * @param scales (32), or NULL for none
 */
INLINE void multiply_rows(kv_elements type, const float *scales, const uint8_t *tile,
        int64_t steps, const float *a, int64_t a_stride, float *c, int64_t c_stride) {
    int second = second_lane(type);
    for (int lane = 0; lane < (type == KV_HALVES ? KV_PAIRS : KV_LANES);
            lane += type == KV_HALVES ? LANES : 2 * LANES) {
        floats sums[KV_ROWS][2];
        UNROLL for (int r = 0; r < KV_ROWS; r++) {
            UNROLL for (int v = 0; v < 2; v++) {
                sums[r][v] = scales == NULL
                        ? load_floats(c + r * c_stride + lane + v * second)
                        : zero_floats();
            }
        }
        const uint8_t *row = tile;
        for (int64_t k = 0; k < steps; k++, row += kv_row_bytes(type)) {
            floats elements[2];
            read_row(type, row, lane, elements);
            UNROLL for (int r = 0; r < KV_ROWS; r++) {
                floats factor = repeat_float((const uint8_t *) (a + r * a_stride + k));
                UNROLL for (int v = 0; v < 2; v++) {
                    sums[r][v] = times_plus(elements[v], factor, sums[r][v]);
                }
            }
        }
        UNROLL for (int r = 0; r < KV_ROWS; r++) {
            UNROLL for (int v = 0; v < 2; v++) {
                float *at = c + r * c_stride + lane + v * second;
                store_floats(at, scales == NULL
                        ? sums[r][v]
                        : times_plus(sums[r][v], load_floats(scales + lane + v * second),
                                load_floats(at)));
            }
        }
    }
}

#define KV_PRODUCT(name, type, scaled) \
    static void name(const float *scales, const uint8_t *tile, int64_t steps, int64_t rows, \
            const float *a, int64_t a_stride, float *c, int64_t c_stride) { \
        for (int64_t row = 0; row < rows; row += KV_ROWS) { \
            multiply_rows(type, scaled ? scales : NULL, tile, steps, a + row * a_stride, \
                    a_stride, c + row * c_stride, c_stride); \
        } \
    }

KV_PRODUCT(multiply_floats, KV_FLOATS, 0)
KV_PRODUCT(multiply_halves, KV_HALVES, 0)
KV_PRODUCT(multiply_bytes, KV_BYTES, 0)
KV_PRODUCT(score_floats, KV_FLOATS, 1)
KV_PRODUCT(score_bytes, KV_BYTES, 1)

/** A half that was moved; infinities and NaN stay what they are. */
INLINE int32_t float_bits(int32_t moved) {
    int32_t infinite = (moved & HALF_MAGNITUDE) >= HALF_INFINITY ? FLOAT_INFINITY : 0;
    return (moved & HALF_FINITE) | infinite;
}

static void expand_halves(const uint8_t *restrict from, int64_t rows, float *restrict to) {
    for (int64_t row = 0; row < rows; row++) {
        int32_t pairs[KV_PAIRS];
        int32_t bits[KV_LANES];
        memcpy(pairs, from + row * (int64_t) sizeof pairs, sizeof pairs);
        for (int i = 0; i < KV_PAIRS; i++) {
            int32_t lower = (int32_t) ((uint32_t) pairs[i] << HALF_BITS);
            bits[i] = float_bits(lower >> (HALF_BITS - HALF_SHIFT));
            bits[KV_PAIRS + i] = float_bits(pairs[i] >> (HALF_BITS - HALF_SHIFT));
        }
        memcpy(to + row * KV_LANES, bits, sizeof bits);
    }
}

static void expand_bytes(const int8_t *restrict from, int64_t rows, float *restrict to) {
    for (int64_t i = 0; i < rows * KV_LANES; i++) {
        to[i] = from[i];
    }
}

/** Halves in order, none negative, to the floats that they are. */
static void read_scales(const uint8_t *restrict from, float *restrict to) {
    uint16_t halves[KV_LANES];
    memcpy(halves, from, sizeof halves);
    for (int i = 0; i < KV_LANES; i++) {
        int32_t bits = (halves[i] << HALF_SHIFT) & HALF_MAGNITUDE;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        scale *= HALF_BIAS;
        int32_t scaled;
        memcpy(&scaled, &scale, sizeof scaled);
        scaled |= bits >= HALF_INFINITY ? FLOAT_INFINITY : 0;
        memcpy(to + i, &scaled, sizeof scaled);
    }
}
