/* What a variant of the kernels offers: one per instruction set, chosen by what the CPU has. */
#ifndef MILLRACE_VARIANTS_H
#define MILLRACE_VARIANTS_H

#include "layout.h"

/** A product of some rows of activations with some outputs of a matrix. */
typedef struct {
    format format;
    /** Inputs over 32. */
    int64_t units;
    /** Outputs of the whole matrix. */
    int64_t outputs;
    /** Rows and outputs to compute; outputs from a multiple of 32 on. */
    int64_t begin_row;
    int64_t end_row;
    int64_t begin;
    int64_t end;
    /** The matrix, tile after tile. */
    const uint8_t *tiles;
    /** (rows), each as row_of lays it out. */
    const uint8_t *x;
    /** (rows, outputs) */
    float *y;
    /** Memory for panels of the outputs to compute; without, tiles are read as they are. */
    uint8_t *panels;
    /** Whether the panels hold these outputs already, from a call for other rows. */
    int32_t panels_ready;
} product;

/** Attention of some rows of queries to tiles of a cache of bytes; see attention.h. */
typedef struct {
    int64_t head_size;
    /** A multiple of 4. */
    int64_t rows;
    int64_t tiles;
    const int64_t *tile_addresses;
    /** (rows), each as row_of lays it out; for scores only. */
    const uint8_t *queries;
    /** (rows, pitch) scores or weights; the first tile's are at the beginning. */
    float *scores;
    int64_t score_pitch;
    /** Positions to add, counted from the first tile; for values only. */
    int64_t begin;
    int64_t end;
    /** (rows, pitch), added to; for values only. */
    float *sums;
    int64_t sum_pitch;
} attention;

/** Operations on activations; see elements.h. */
typedef struct {
    void (*sum_squares)(const float *x, int64_t count, float *lanes);
    void (*scale_multiply)(const float *x, float scale, const float *factors, int64_t count,
            float *out);
    void (*add)(float *x, const float *y, int64_t count);
    void (*add_scaled)(float *x, const float *y, float factor, int64_t count);
    void (*scale)(float *x, float factor, int64_t count);
    void (*gelu_arguments)(const float *gate, float linear, float cubic, int64_t count,
            float *out);
    void (*clamp_gate)(float *gate, float *up, float limit, int64_t count);
    void (*divide_multiply)(float *x, const float *divisors, const float *factors, int64_t count);
    void (*rotate_halves)(float *x, const float *cosines, const float *sines, int64_t pairs);
    void (*rotate_adjacent)(float *x, const float *cosines, const float *sines, int64_t pairs);
    void (*find_maxima)(const float *x, int64_t count, float *lanes);
    void (*exp_shifted)(const float *x, int64_t count, float max, float factor, float *out);
    void (*soft_cap)(float *x, int64_t count, float factor, float cap);
    void (*exponentiate)(float *x, int64_t count, float max, float factor, int shift,
            float *lanes);
} element_kernels;

/** Products of a multiple of 4 rows with a tile of a cache; see float_attention.h. */
typedef void tile_rows(const float *scales, const uint8_t *tile, int64_t steps, int64_t rows,
        const float *a, int64_t a_stride, float *c, int64_t c_stride);

typedef struct {
    /** Of floats, halves and bytes, added to what is there; scales are not read. */
    tile_rows *multiply[3];
    /** The same, scaled before they are added; halves have none. */
    tile_rows *score[3];
    void (*expand_halves)(const uint8_t *from, int64_t rows, float *to);
    void (*expand_bytes)(const int8_t *from, int64_t rows, float *to);
    void (*read_scales)(const uint8_t *from, float *to);
} cache_kernels;

typedef struct {
    void (*multiply)(const product *p);
    /** Quantises a row of `units` times 32 activations. */
    void (*quantise)(const float *x, int64_t units, uint8_t *out);
    /** Packs up to 16 rows of a tensor as GGUF has it; see pack.h. */
    void (*pack)(format f, const uint8_t *source, int64_t row_bytes, int rows, int64_t units,
            const uint8_t *points, uint8_t *tile);
    /** Scores of all positions of key tiles. */
    void (*score)(const attention *a);
    /** Adds the weighted values of value tiles. */
    void (*add_values)(const attention *a);
    element_kernels elements;
    cache_kernels cache;
} variant;

extern const variant millrace_avx2;
extern const variant millrace_avxvnni;
extern const variant millrace_avx512;
extern const variant millrace_neon;

#endif
