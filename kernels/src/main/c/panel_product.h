/*
 * Products of many rows: two tiles are expanded to a panel of byte codes and float scales once,
 * and all rows read the panel from the cache, a few at a time.
 */
#include "codes.h"

/** Moves the code that stands for zero to where the panel's format has it. */
INLINE int panel_shift(format f) {
    return zero_code(panel_format(f)) - zero_code(f);
}

/** Expands tile number `tile` of a panel. */
INLINE void expand_tile(format f, const uint8_t *block, int64_t units, uint8_t *panel, int tile) {
    const panel_layout layout = panel_of(f, units);
    const ints table = load_table(f);
    for (int v = 0; v < TILE_VECTORS; v++) {
        int lane = v * LANES;
        int panel_row = tile * TILE_ROWS + lane;
        uint8_t *codes = panel + panel_row * LANE_BYTES;
        float *scales = (float *) (panel + layout.scales) + panel_row;
        float *minimums = (float *) (panel + layout.minimums) + panel_row;
        const uint8_t *header = block;
        for (int64_t left = units; left > 0; left -= BLOCK_UNITS, header += block_bytes(f)) {
            int block_units = left < BLOCK_UNITS ? (int) left : BLOCK_UNITS;
            floats factor = zero_floats();
            floats min_factor = zero_floats();
            if (!has_half_scales(f)) {
                factor = load_factor(f, header + lane * HALF_BYTES);
                min_factor = load_factor(f, header + (TILE_ROWS + lane) * HALF_BYTES);
            }
            for (int group = 0; group < block_units * unit_groups(f); group++) {
                store_floats(scales, load_scale(f, header, lane, group, factor));
                scales += PANEL_ROWS;
                if (has_minimums(f)) {
                    store_floats(minimums, load_minimum(f, header, lane, group, min_factor));
                    minimums += PANEL_ROWS;
                }
            }
            const uint8_t *unit = header + header_bytes(f) + lane * LANE_BYTES;
            for (int u = 0; u < block_units; u++, unit += unit_bytes(f)) {
                UNROLL for (int group = 0; group < UNIT_COLUMN_GROUPS; group++) {
                    ints bytes = load_codes(f, unit, group, table);
                    if (panel_shift(f) != 0) {
                        bytes = add_bytes(bytes, repeat_byte(panel_shift(f)));
                    }
                    store_ints(codes, bytes);
                    codes += PANEL_ROWS * LANE_BYTES;
                }
            }
        }
    }
}

typedef floats panel_sums[PANEL_PRODUCT_ROWS][PANEL_PRODUCT_VECTORS];

INLINE void clear_sums(int rows, panel_sums sums) {
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
            sums[r][v] = zero_floats();
        }
    }
}

/** Subtracts the minimums' sums, group after group. */
INLINE void subtract_minimums(format f, int rows, const float *minimums, int64_t units,
        const uint8_t *x_sums, int64_t x_bytes, panel_sums sums) {
    panel_sums min_sums;
    clear_sums(rows, min_sums);
    for (int64_t group = 0; group < units * unit_groups(f); group++) {
        UNROLL for (int r = 0; r < rows; r++) {
            floats x_sum = repeat_float(x_sums + r * x_bytes);
            UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
                min_sums[r][v] = times_plus(load_floats(minimums + v * LANES), x_sum,
                        min_sums[r][v]);
            }
        }
        x_sums += sizeof(float);
        minimums += PANEL_ROWS;
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
            sums[r][v] = minus(sums[r][v], min_sums[r][v]);
        }
    }
}

/**
 * Writes (rows, vectors of the strip) outputs, `out_floats` from one row to the next, for the strip
 * of a panel that starts at row `panel_row`.
 */
INLINE void multiply_strip(format f, int rows, const uint8_t *panel, int panel_row,
        int64_t units, const uint8_t *x, int64_t x_bytes, float *out, int64_t out_floats) {
    const row_layout row = row_of(units);
    const panel_layout layout = panel_of(f, units);
    const int groups = unit_groups(f);
    const uint8_t *codes = panel + panel_row * LANE_BYTES;
    const float *scales = (const float *) (panel + layout.scales) + panel_row;
    const uint8_t *x_codes = x;
    const uint8_t *x_scales = x + row.scales;
    const uint8_t *x_zeros = x + (groups == 2 ? row.zeros16 : row.zeros);
    panel_sums sums;
    clear_sums(rows, sums);
    for (int64_t unit = 0; unit < units; unit++) {
        panel_sums scaled;
        UNROLL for (int group = 0; group < groups; group++) {
            ints dots[PANEL_PRODUCT_ROWS][PANEL_PRODUCT_VECTORS];
            UNROLL for (int r = 0; r < rows; r++) {
                ints zero = load_zero(f, x_zeros + r * x_bytes);
                UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
                    dots[r][v] = start_dot(f, zero);
                }
            }
            UNROLL for (int i = 0; i < UNIT_COLUMN_GROUPS / groups; i++) {
                ints bytes[PANEL_PRODUCT_VECTORS];
                UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
                    bytes[v] = load_ints(codes + v * LANES * LANE_BYTES);
                }
                UNROLL for (int r = 0; r < rows; r++) {
                    ints four = repeat_int(x_codes + r * x_bytes);
                    UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
                        dots[r][v] = add_dot(f, dots[r][v], bytes[v], four);
                    }
                }
                codes += PANEL_ROWS * LANE_BYTES;
                x_codes += LANE_BYTES;
            }
            UNROLL for (int r = 0; r < rows; r++) {
                ints zero = load_zero(f, x_zeros + r * x_bytes);
                UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
                    floats dot = floats_of_ints(finish_dot(f, dots[r][v], zero));
                    floats scale = load_floats(scales + v * LANES);
                    scaled[r][v] = group == 0 ? times(dot, scale)
                            : times_plus(dot, scale, scaled[r][v]);
                }
            }
            scales += PANEL_ROWS;
            x_zeros += sizeof(int32_t);
        }
        UNROLL for (int r = 0; r < rows; r++) {
            floats x_scale = repeat_float(x_scales + r * x_bytes);
            UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
                sums[r][v] = times_plus(scaled[r][v], x_scale, sums[r][v]);
            }
        }
        x_scales += sizeof(float);
    }
    if (has_minimums(f)) {
        subtract_minimums(f, rows, (const float *) (panel + layout.minimums) + panel_row, units,
                x + (groups == 2 ? row.sums16 : row.sums), x_bytes, sums);
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < PANEL_PRODUCT_VECTORS; v++) {
            store_floats(out + r * out_floats + v * LANES, sums[r][v]);
        }
    }
}
