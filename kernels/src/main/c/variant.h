/*
 * The functions that every variant has, made for the vectors that the including file has chosen.
 *
 * Order of summation, the same for all variants and ways: an output has one chain over a row's
 * units in order of columns,
 *
 *     sum = fma(scaled, x scale, sum)
 *     scaled = dot * scale, or with two groups fma(second dot, scale, first dot * scale)
 *
 * with dot products exact in integers, and a chain of its own for minimums,
 *
 *     min_sum = fma(minimum, x sum, min_sum)
 *
 * that is subtracted at the end. So neither the rows that are computed together nor the width of
 * the vectors change a bit of a result.
 */
#include "pack.h"
#include "panel_product.h"
#include "quantise.h"
#include "tile_product.h"
#include "variants.h"

#include "attention.h"
#include "elements.h"
#include "float_attention.h"

typedef void tile_kernel(const uint8_t *tile, int64_t units, const uint8_t *x, int64_t x_bytes,
        float *out);
typedef void expand_kernel(const uint8_t *block, int64_t units, uint8_t *panel, int tile);
typedef void strip_kernel(const uint8_t *panel, int panel_row, int64_t units, const uint8_t *x,
        int64_t x_bytes, float *out);
typedef void pack_kernel(const uint8_t *source, int64_t row_bytes, int rows, int64_t units,
        const uint8_t *points, uint8_t *tile);

#define TILE_KERNEL(f, rows) \
    static void tile_##f##_##rows(const uint8_t *tile, int64_t units, const uint8_t *x, \
            int64_t x_bytes, float *out) { \
        multiply_tile(f, rows, tile, units, x, x_bytes, out); \
    }
#define STRIP_KERNEL(f, rows) \
    static void strip_##f##_##rows(const uint8_t *panel, int panel_row, int64_t units, \
            const uint8_t *x, int64_t x_bytes, float *out) { \
        multiply_strip(f, rows, panel, panel_row, units, x, x_bytes, out, PANEL_ROWS); \
    }
#define FORMAT_KERNELS(f) \
    EACH_TILE_ROWS(TILE_KERNEL, f) \
    static void expand_##f(const uint8_t *block, int64_t units, uint8_t *panel, int tile) { \
        expand_tile(f, block, units, panel, tile); \
    } \
    static void pack_##f(const uint8_t *source, int64_t row_bytes, int rows, int64_t units, \
            const uint8_t *points, uint8_t *tile) { \
        pack_tile(f, source, row_bytes, rows, units, points, tile); \
    }
#define STRIP_KERNELS(f) EACH_PANEL_ROWS(STRIP_KERNEL, f)

#define EACH_FORMAT(M) \
    M(Q4_0) M(Q8_0) M(Q2_K) M(Q4_K) M(Q5_K) M(Q6_K) M(IQ2_XXS) \
    M(Q4_1) M(Q5_0) M(Q5_1) M(Q3_K) M(IQ4_NL) M(IQ4_XS) M(MXFP4)

EACH_FORMAT(FORMAT_KERNELS)
EACH_PANEL_FORMAT(STRIP_KERNELS)

#define TILE_ENTRY(f, rows) tile_##f##_##rows,
#define TILE_ENTRIES(f) [f] = {EACH_TILE_ROWS(TILE_ENTRY, f)},
#define STRIP_ENTRY(f, rows) strip_##f##_##rows,
#define STRIP_ENTRIES(f) [f] = {EACH_PANEL_ROWS(STRIP_ENTRY, f)},
#define EXPAND_ENTRY(f) [f] = expand_##f,
#define PACK_ENTRY(f) [f] = pack_##f,

static tile_kernel *const TILE_KERNELS[FORMATS][TILE_PRODUCT_ROWS] = {EACH_FORMAT(TILE_ENTRIES)};
static strip_kernel *const STRIP_KERNELS_OF[FORMATS][PANEL_PRODUCT_ROWS] = {
    EACH_PANEL_FORMAT(STRIP_ENTRIES)};
static expand_kernel *const EXPAND_KERNELS[FORMATS] = {EACH_FORMAT(EXPAND_ENTRY)};
static pack_kernel *const PACK_KERNELS[FORMATS] = {EACH_FORMAT(PACK_ENTRY)};

/** Rows of the next pass, when `left` are left and `most` fit: passes are about equally long. */
INLINE int pass_rows(int64_t left, int most) {
    int64_t passes = (left + most - 1) / most;
    return (int) ((left + passes - 1) / passes);
}

/** Copies (rows, `wide` floats) to the outputs from `first` on, as far as there are any. */
INLINE void copy_out(const product *p, const float *from, int wide, int64_t row, int rows,
        int64_t first) {
    int64_t count = p->outputs - first < wide ? p->outputs - first : wide;
    for (int r = 0; r < rows; r++) {
        memcpy(p->y + (row + r) * p->outputs + first, from + r * wide,
                (size_t) count * sizeof(float));
    }
}

static void multiply_tiles(const product *p, int64_t x_bytes) {
    float out[TILE_PRODUCT_ROWS * TILE_ROWS];
    int64_t pitch = tile_bytes(p->format, p->units);
    for (int64_t first = p->begin; first < p->end; first += TILE_ROWS) {
        const uint8_t *tile = p->tiles + first / TILE_ROWS * pitch;
        int rows;
        for (int64_t row = p->begin_row; row < p->end_row; row += rows) {
            rows = pass_rows(p->end_row - row, TILE_PRODUCT_ROWS);
            TILE_KERNELS[p->format][rows - 1](tile, p->units, p->x + row * x_bytes, x_bytes, out);
            copy_out(p, out, TILE_ROWS, row, rows, first);
        }
    }
}

static void expand_panels(const product *p) {
    int64_t pitch = tile_bytes(p->format, p->units);
    uint8_t *panel = p->panels;
    for (int64_t first = p->begin; first < p->end; first += PANEL_ROWS) {
        for (int tile = 0; tile < PANEL_TILES && first + tile * TILE_ROWS < p->outputs; tile++) {
            EXPAND_KERNELS[p->format](p->tiles + (first / TILE_ROWS + tile) * pitch, p->units,
                    panel, tile);
        }
        panel += panel_of(p->format, p->units).bytes;
    }
}

/** Brings some rows' share of the tiles that follow into the second level. */
INLINE void prefetch_next(const product *p, int64_t row, int rows) {
    int64_t pitch = tile_bytes(p->format, p->units);
    int64_t begin = p->begin / TILE_ROWS * pitch;
    int64_t end = (p->end + TILE_ROWS - 1) / TILE_ROWS * pitch;
    int64_t all_rows = p->end_row - p->begin_row;
    int64_t done = row - p->begin_row;
    int64_t last = end + (end - begin) * (done + rows) / all_rows;
    for (int64_t at = end + (end - begin) * done / all_rows; at < last; at += LINE_BYTES) {
        __builtin_prefetch(p->tiles + at, 0, 2);
    }
}

/**
 * A few rows go through all panels before the next: they stay in the first level, and outputs are
 * written side by side.
 */
static void multiply_panels(const product *p, int64_t x_bytes) {
    float out[PANEL_PRODUCT_ROWS * PANEL_ROWS];
    if (!p->panels_ready) {
        expand_panels(p);
    }
    int rows;
    for (int64_t row = p->begin_row; row < p->end_row; row += rows) {
        rows = pass_rows(p->end_row - row, PANEL_PRODUCT_ROWS);
        if (!p->panels_ready) {
            prefetch_next(p, row, rows);
        }
        strip_kernel *kernel = STRIP_KERNELS_OF[panel_format(p->format)][rows - 1];
        const uint8_t *panel = p->panels;
        for (int64_t first = p->begin; first < p->end; first += PANEL_ROWS) {
            for (int strip = 0; strip < PANEL_ROWS; strip += PANEL_PRODUCT_VECTORS * LANES) {
                kernel(panel, strip, p->units, p->x + row * x_bytes, x_bytes, out + strip);
            }
            copy_out(p, out, PANEL_ROWS, row, rows, first);
            panel += panel_of(p->format, p->units).bytes;
        }
    }
}

static void multiply(const product *p) {
    int64_t x_bytes = row_of(p->units).bytes;
    if (p->panels != NULL) {
        multiply_panels(p, x_bytes);
    } else {
        multiply_tiles(p, x_bytes);
    }
}

static void pack(format f, const uint8_t *source, int64_t row_bytes, int rows, int64_t units,
        const uint8_t *points, uint8_t *tile) {
    PACK_KERNELS[f](source, row_bytes, rows, units, points, tile);
}

const variant VARIANT(millrace) = {
    .multiply = multiply,
    .quantise = quantise_row,
    .pack = pack,
    .score = score_tiles,
    .add_values = add_tiles,
    .elements = {
        .sum_squares = sum_squares,
        .scale_multiply = scale_multiply,
        .add = add,
        .add_scaled = add_scaled,
        .scale = scale,
        .gelu_arguments = gelu_arguments,
        .clamp_gate = clamp_gate,
        .divide_multiply = divide_multiply,
        .rotate_halves = rotate_halves,
        .rotate_adjacent = rotate_adjacent,
        .find_maxima = find_maxima,
        .exp_shifted = exp_shifted,
        .soft_cap = soft_cap,
        .exponentiate = exponentiate,
    },
    .cache = {
        .multiply = {multiply_floats, multiply_halves, multiply_bytes},
        .score = {score_floats, NULL, score_bytes},
        .expand_halves = expand_halves,
        .expand_bytes = expand_bytes,
        .read_scales = read_scales,
    },
};
