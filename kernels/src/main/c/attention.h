/*
 * Attention of rows of queries to tiles of a cache of bytes, which KvLayout.java lays out: 32 lanes
 * by 4 steps in 128 bytes, lane by lane, so that dot products add 4 steps at once. The lanes of a
 * key tile are positions and its steps elements; in a value tile it is the other way round.
 *
 * Queries are rounded as activations are (quantise.h). A score is, per 32 elements in their order,
 *
 *     score = fma(dot * key scale, query scale, score)
 *
 * Weights times the scales of their values are rounded to 14 bits of the largest of a tile, in two
 * parts, 128 * high + low: next to a position with nearly all of the weight, the others would
 * vanish in 7 bits. A sum of values is, per tile in their order,
 *
 *     sum = fma(fma(high dot, 128, low dot), step, sum)
 *
 * with dot products exact in integers. So neither the rows that are computed together nor the width
 * of the vectors change a bit of a result.
 */
#include "layout.h"
#include <math.h>
#include <string.h>

enum {
    CACHE_LANES = 32,
    CACHE_STEPS = 4,
    CACHE_ROW_BYTES = CACHE_LANES * CACHE_STEPS,
    CACHE_SCALES_BYTES = CACHE_LANES * HALF_BYTES,
    SLAB_ROWS = CACHE_LANES / CACHE_STEPS,
    /** Rows that read a tile together. */
    ATTENTION_ROWS = 4,
    SCORE_VECTORS = 2,
    /** There are two sums of each row and vector. */
    VALUE_VECTORS = LANES == 16 ? 2 : 1,
    CACHE_VECTORS = CACHE_LANES / LANES,
    /** Of the largest weight of a tile: two numbers of seven bits each. */
    WEIGHT_STEPS = (1 << 14) - 1,
};

/** The weights of a row for one tile: (128 * high + low) * step. */
typedef struct {
    uint8_t high[CACHE_LANES];
    uint8_t low[CACHE_LANES];
    float step;
} tile_weights;

INLINE ints cache_codes(const uint8_t *p) {
    ints codes = load_ints(p);
    return UNSIGNED_BYTES ? add_bytes(codes, repeat_byte(-128)) : codes;
}

INLINE ints cache_zero(const uint8_t *zero) {
    return UNSIGNED_BYTES ? repeat_int(zero) : repeat_byte(0);
}

/** Writes the scores of (4 rows, 32 positions). */
static void score_tile(int64_t head_size, const uint8_t *tile, const uint8_t *x, int64_t x_bytes,
        float *out, int64_t pitch) {
    const row_layout row = row_of((head_size + UNIT_COLUMNS - 1) / UNIT_COLUMNS);
    for (int lane = 0; lane < CACHE_LANES; lane += SCORE_VECTORS * LANES) {
        floats sums[ATTENTION_ROWS][SCORE_VECTORS];
        UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
            UNROLL for (int v = 0; v < SCORE_VECTORS; v++) {
                sums[r][v] = zero_floats();
            }
        }
        const uint8_t *group = tile;
        const uint8_t *x_codes = x;
        for (int64_t first = 0; first < head_size; first += UNIT_COLUMNS) {
            const int64_t unit = first / UNIT_COLUMNS;
            const uint8_t *x_zeros = x + row.zeros + unit * (int64_t) sizeof(int32_t);
            const uint8_t *x_scales = x + row.scales + unit * (int64_t) sizeof(float);
            const uint8_t *end = x + first + (head_size - first < UNIT_COLUMNS
                    ? head_size - first
                    : UNIT_COLUMNS);
            ints dots[ATTENTION_ROWS][SCORE_VECTORS];
            UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
                UNROLL for (int v = 0; v < SCORE_VECTORS; v++) {
                    dots[r][v] = cache_zero(x_zeros + r * x_bytes);
                }
            }
            const uint8_t *bytes = group + CACHE_SCALES_BYTES + lane * CACHE_STEPS;
            for (; x_codes < end; x_codes += CACHE_STEPS, bytes += CACHE_ROW_BYTES) {
                UNROLL for (int v = 0; v < SCORE_VECTORS; v++) {
                    ints codes = cache_codes(bytes + v * LANES * CACHE_STEPS);
                    UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
                        dots[r][v] = add_dot(Q8_0, dots[r][v], codes,
                                repeat_int(x_codes + r * x_bytes));
                    }
                }
            }
            UNROLL for (int v = 0; v < SCORE_VECTORS; v++) {
                floats scale = floats_of_halves(group + (lane + v * LANES) * HALF_BYTES);
                UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
                    sums[r][v] = times_plus(times(floats_of_ints(dots[r][v]), scale),
                            repeat_float(x_scales + r * x_bytes), sums[r][v]);
                }
            }
            group = bytes - lane * CACHE_STEPS;
        }
        UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
            UNROLL for (int v = 0; v < SCORE_VECTORS; v++) {
                store_floats(out + r * pitch + lane + v * LANES, sums[r][v]);
            }
        }
    }
}

/** Rounds a row's weights of a tile. One that is not finite makes the row's sums NaN. */
INLINE void round_weights(const float *weights, const float *scales, tile_weights *out) {
    static const int32_t LOW = 127;
    static const int32_t MAGNITUDE = INT32_MAX;
    const ints low = repeat_int((const uint8_t *) &LOW);
    const ints magnitude = repeat_int((const uint8_t *) &MAGNITUDE);
    floats products[CACHE_VECTORS];
    ints most = repeat_byte(0);
    UNROLL for (int v = 0; v < CACHE_VECTORS; v++) {
        products[v] = times(load_floats(weights + v * LANES), load_floats(scales + v * LANES));
        most = largest_of(most, and_ints(bits_of_floats(products[v]), magnitude));
    }
    uint32_t bits = (uint32_t) largest_lane(most);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    int usable = bits >= LEAST_BITS && bits < INFINITY_BITS;
    float inverse = usable ? WEIGHT_STEPS / largest : 0;
    out->step = bits >= INFINITY_BITS ? NAN : largest / WEIGHT_STEPS;
    UNROLL for (int v = 0; v < CACHE_VECTORS; v++) {
        ints code = round_floats(times(products[v], repeat_float((const uint8_t *) &inverse)));
        store_low_bytes(out->high + v * LANES, shift_right(code, 7));
        store_low_bytes(out->low + v * LANES, and_ints(code, low));
    }
}

/** Adds a tile's values, (4 rows, slabs of 32 elements). */
static void add_tile(int64_t slabs, const uint8_t *tile, const tile_weights *weights, float *out,
        int64_t pitch) {
    static const float HIGH = 128;
    const floats high_unit = repeat_float((const uint8_t *) &HIGH);
    for (int64_t lane = 0; lane < slabs * CACHE_LANES; lane += VALUE_VECTORS * LANES) {
        const uint8_t *bytes = tile + CACHE_SCALES_BYTES
                + lane / CACHE_LANES * SLAB_ROWS * CACHE_ROW_BYTES
                + lane % CACHE_LANES * CACHE_STEPS;
        ints high[ATTENTION_ROWS][VALUE_VECTORS];
        ints low[ATTENTION_ROWS][VALUE_VECTORS];
        UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
            UNROLL for (int v = 0; v < VALUE_VECTORS; v++) {
                high[r][v] = low[r][v] = repeat_byte(0);
            }
        }
        for (int i = 0; i < SLAB_ROWS; i++) {
            ints codes[VALUE_VECTORS];
            UNROLL for (int v = 0; v < VALUE_VECTORS; v++) {
                codes[v] = load_ints(bytes + i * CACHE_ROW_BYTES + v * LANES * CACHE_STEPS);
            }
            UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
                ints x_high = repeat_int(weights[r].high + i * CACHE_STEPS);
                ints x_low = repeat_int(weights[r].low + i * CACHE_STEPS);
                UNROLL for (int v = 0; v < VALUE_VECTORS; v++) {
                    high[r][v] = add_dot(Q6_K, high[r][v], x_high, codes[v]);
                    low[r][v] = add_dot(Q6_K, low[r][v], x_low, codes[v]);
                }
            }
        }
        UNROLL for (int r = 0; r < ATTENTION_ROWS; r++) {
            UNROLL for (int v = 0; v < VALUE_VECTORS; v++) {
                float *at = out + r * pitch + lane + v * LANES;
                floats sum = times_plus(floats_of_ints(high[r][v]), high_unit,
                        floats_of_ints(low[r][v]));
                store_floats(at, times_plus(sum, repeat_float((const uint8_t *) &weights[r].step),
                        load_floats(at)));
            }
        }
    }
}

static void score_tiles(const attention *a) {
    int64_t x_bytes = row_of((a->head_size + UNIT_COLUMNS - 1) / UNIT_COLUMNS).bytes;
    for (int64_t t = 0; t < a->tiles; t++) {
        for (int64_t row = 0; row < a->rows; row += ATTENTION_ROWS) {
            score_tile(a->head_size, (const uint8_t *) (uintptr_t) a->tile_addresses[t],
                    a->queries + row * x_bytes, x_bytes,
                    a->scores + row * a->score_pitch + t * CACHE_LANES, a->score_pitch);
        }
    }
}

static void add_tiles(const attention *a) {
    int64_t slabs = (a->head_size + CACHE_LANES - 1) / CACHE_LANES;
    for (int64_t t = 0; t < a->tiles; t++) {
        const uint8_t *tile = (const uint8_t *) (uintptr_t) a->tile_addresses[t];
        int64_t from = a->begin - t * CACHE_LANES;
        int64_t to = a->end - t * CACHE_LANES;
        float scales[CACHE_LANES];
        for (int lane = 0; lane < CACHE_LANES; lane += LANES) {
            store_floats(scales + lane, floats_of_halves(tile + lane * HALF_BYTES));
        }
        for (int lane = 0; lane < CACHE_LANES; lane++) {
            scales[lane] = lane >= from && lane < to ? scales[lane] : 0;
        }
        for (int64_t row = 0; row < a->rows; row += ATTENTION_ROWS) {
            tile_weights weights[ATTENTION_ROWS];
            for (int r = 0; r < ATTENTION_ROWS; r++) {
                round_weights(a->scores + (row + r) * a->score_pitch + t * CACHE_LANES, scales,
                        weights + r);
            }
            add_tile(slabs, tile, weights, a->sums + row * a->sum_pitch, a->sum_pitch);
        }
    }
}
