/*
 * Products of few rows with a tile, straight from its packed bits: one read of the memory, as fast
 * as it comes.
 */
#include "codes.h"

/** Scales of a block, expanded; a vector for each part of the tile. */
typedef struct {
    floats scales[2 * BLOCK_UNITS][TILE_VECTORS];
    floats minimums[2 * BLOCK_UNITS][TILE_VECTORS];
} block_scales;

INLINE void load_scales(format f, const uint8_t *header, block_scales *out) {
    UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        int lane = v * LANES;
        floats factor = zero_floats();
        if (!has_half_scales(f)) {
            factor = load_factor(f, header + lane * HALF_BYTES);
        }
        for (int group = 0; group < block_groups(f); group++) {
            out->scales[group][v] = load_scale(f, header, lane, group, factor);
        }
        if (has_minimums(f)) {
            if (!has_half_scales(f)) {
                factor = load_factor(f, header + (TILE_ROWS + lane) * HALF_BYTES);
            }
            for (int group = 0; group < block_groups(f); group++) {
                out->minimums[group][v] = load_minimum(f, header, lane, group, factor);
            }
        }
    }
}

/**
 * Where rows are few, the processor runs far enough ahead by itself, and prefetches would only slow
 * it down. With more rows it has too much to do per byte: a line is asked for into the second level
 * early and into the first in time. Prefetches past the end of a matrix do nothing.
 */
enum { PREFETCH_FROM_ROWS = 4, NEAR_BYTES = 3072, FAR_BYTES = 16384 };

/** Prefetches those lines of a unit that are a column group's share. */
INLINE void prefetch_share(format f, int rows, const uint8_t *unit, int column_group) {
    const int lines = (int) (unit_bytes(f) / LINE_BYTES);
    int line = column_group * lines / UNIT_COLUMN_GROUPS;
    int before = (column_group - 1) * lines / UNIT_COLUMN_GROUPS;
    if (rows >= PREFETCH_FROM_ROWS && (column_group == 0 || line != before)) {
        __builtin_prefetch(unit + line * LINE_BYTES + FAR_BYTES, 0, 2);
        __builtin_prefetch(unit + line * LINE_BYTES + NEAR_BYTES, 0, 3);
    }
}

/** One group's dot products with each row; `x` and `zeros` are those of the first row. */
INLINE void add_group(format f, int rows, const uint8_t *unit, int group, ints table,
        const uint8_t *x, const uint8_t *zeros, int64_t x_bytes,
        floats out[TILE_PRODUCT_ROWS][TILE_VECTORS]) {
    const int group_vectors = UNIT_COLUMN_GROUPS / unit_groups(f);
    ints dots[TILE_PRODUCT_ROWS][TILE_VECTORS];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
            dots[r][v] = start_dot(f, load_zero(f, zeros + r * x_bytes));
        }
    }
    UNROLL for (int i = 0; i < group_vectors; i++) {
        int column_group = group * group_vectors + i;
        prefetch_share(f, rows, unit, column_group);
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
            ints codes = load_codes(f, unit + v * LANES * LANE_BYTES, column_group, table);
            UNROLL for (int r = 0; r < rows; r++) {
                dots[r][v] = add_dot(f, dots[r][v], codes,
                        repeat_int(x + r * x_bytes + column_group * LANE_BYTES));
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
            out[r][v] = floats_of_ints(
                    finish_dot(f, dots[r][v], load_zero(f, zeros + r * x_bytes)));
        }
    }
}

/** Writes (rows, 16) outputs; `x` is the first row, `x_bytes` from one to the next. */
INLINE void multiply_tile(format f, int rows, const uint8_t *block, int64_t units,
        const uint8_t *x, int64_t x_bytes, float *out) {
    const row_layout row = row_of(units);
    const int groups = unit_groups(f);
    const ints table = load_table(f);
    block_scales expanded;
    floats sums[TILE_PRODUCT_ROWS][TILE_VECTORS];
    floats min_sums[TILE_PRODUCT_ROWS][TILE_VECTORS];
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
            sums[r][v] = min_sums[r][v] = zero_floats();
        }
    }
    const uint8_t *x_codes = x;
    const uint8_t *x_scales = x + row.scales;
    const uint8_t *x_zeros = x + (groups == 2 ? row.zeros16 : row.zeros);
    const uint8_t *x_sums = x + (groups == 2 ? row.sums16 : row.sums);
    for (int64_t left = units; left > 0; left -= BLOCK_UNITS, block += block_bytes(f)) {
        int block_units = left < BLOCK_UNITS ? (int) left : BLOCK_UNITS;
        load_scales(f, block, &expanded);
        const uint8_t *unit = block + header_bytes(f);
        for (int u = 0; u < block_units; u++, unit += unit_bytes(f)) {
            floats dots[TILE_PRODUCT_ROWS][TILE_VECTORS];
            floats scaled[TILE_PRODUCT_ROWS][TILE_VECTORS];
            add_group(f, rows, unit, 0, table, x_codes, x_zeros, x_bytes, dots);
            UNROLL for (int r = 0; r < rows; r++) {
                UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
                    scaled[r][v] = times(dots[r][v], expanded.scales[u * groups][v]);
                }
            }
            if (groups == 2) {
                add_group(f, rows, unit, 1, table, x_codes, x_zeros + sizeof(int32_t), x_bytes,
                        dots);
                UNROLL for (int r = 0; r < rows; r++) {
                    UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
                        scaled[r][v] = times_plus(dots[r][v],
                                expanded.scales[u * groups + 1][v], scaled[r][v]);
                    }
                }
            }
            UNROLL for (int r = 0; r < rows; r++) {
                UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
                    sums[r][v] = times_plus(scaled[r][v], repeat_float(x_scales + r * x_bytes),
                            sums[r][v]);
                }
            }
            x_codes += UNIT_COLUMNS;
            x_scales += sizeof(float);
            x_zeros += groups * sizeof(int32_t);
        }
        if (has_minimums(f)) {
            for (int g = 0; g < block_units * groups; g++, x_sums += sizeof(float)) {
                UNROLL for (int r = 0; r < rows; r++) {
                    UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
                        min_sums[r][v] = times_plus(expanded.minimums[g][v],
                                repeat_float(x_sums + r * x_bytes), min_sums[r][v]);
                    }
                }
            }
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
            store_floats(out + r * TILE_ROWS + v * LANES,
                    has_minimums(f) ? minus(sums[r][v], min_sums[r][v]) : sums[r][v]);
        }
    }
}
