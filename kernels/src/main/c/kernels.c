/* What Java calls: NativeLibrary.java has the other side of every function. */
#include "variants.h"
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))

/** Changes with every function and layout here; NativeLibrary.java wants the same number. */
enum { INTERFACE_VERSION = 4 };

/** Numbered as in NativeVariant.java, the better of a processor's last. */
enum { AVX2, AVX_VNNI, AVX512_VNNI, NEON_DOTPROD, VARIANTS };

static const variant *const BUILT[VARIANTS] = {
#ifdef WITH_AVX2
    [AVX2] = &millrace_avx2,
#endif
#ifdef WITH_AVXVNNI
    [AVX_VNNI] = &millrace_avxvnni,
#endif
#ifdef WITH_AVX512
    [AVX512_VNNI] = &millrace_avx512,
#endif
#ifdef WITH_NEON
    [NEON_DOTPROD] = &millrace_neon,
#endif
    0};

#if defined(__x86_64__)
#include <cpuid.h>

/** Whether the operating system saves these parts of the registers. */
static int saves(uint32_t parts) {
    uint32_t low;
    uint32_t high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & parts) == parts;
}

static int has(uint32_t features, uint32_t wanted) {
    return (features & wanted) == wanted;
}

/** A bit for each variant that this processor can run, whether it was built or not. */
static int32_t runnable(void) {
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
    const uint32_t xsave_avx_fma_f16c = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    const uint32_t sse_and_avx = 0x6;
    const uint32_t all_of_avx512 = 0xE6;
    const uint32_t avx512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
    const uint32_t avx512_vnni = 1u << 11;
    const uint32_t avx_vnni = 1u << 4;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, xsave_avx_fma_f16c) || !saves(sse_and_avx)
            || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has(b, bit_AVX2)) {
        return 0;
    }
    int32_t variants = 1 << AVX2;
    if (has(b, avx512) && has(c, avx512_vnni) && saves(all_of_avx512)) {
        variants |= 1 << AVX512_VNNI;
    }
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, avx_vnni)) {
        variants |= 1 << AVX_VNNI;
    }
    return variants;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

static int32_t runnable(void) {
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? 1 << NEON_DOTPROD : 0;
}

#elif defined(__aarch64__) && defined(__APPLE__)

/** All of Apple's have it. */
static int32_t runnable(void) {
    return 1 << NEON_DOTPROD;
}

#else

static int32_t runnable(void) {
    return 0;
}

#endif

EXPORT int32_t millrace_interface_version(void) {
    return INTERFACE_VERSION;
}

/** A bit for each variant that was built. */
EXPORT int32_t millrace_built_variants(void) {
    int32_t variants = 0;
    for (int i = 0; i < VARIANTS; i++) {
        variants |= BUILT[i] == NULL ? 0 : 1 << i;
    }
    return variants;
}

EXPORT int32_t millrace_runnable_variants(void) {
    return runnable();
}

EXPORT int64_t millrace_tile_bytes(int32_t f, int64_t units) {
    return tile_bytes((format) f, units);
}

EXPORT int64_t millrace_row_bytes(int64_t units) {
    return row_of(units).bytes;
}

EXPORT int64_t millrace_panel_bytes(int32_t f, int64_t units) {
    return panel_of((format) f, units).bytes;
}

/** Packs a tile: see pack.h. */
EXPORT void millrace_pack(int32_t v, int32_t f, const uint8_t *source, int64_t row_bytes,
        int32_t rows, int64_t units, const uint8_t *points, uint8_t *tile) {
    BUILT[v]->pack((format) f, source, row_bytes, rows, units, points, tile);
}

/** Quantises row number `row` of (rows, columns) activations. */
EXPORT void millrace_quantise(int32_t v, const float *x, int64_t columns, int64_t row,
        uint8_t *rows) {
    int64_t units = columns / UNIT_COLUMNS;
    BUILT[v]->quantise(x + row * columns, units, rows + row * row_of(units).bytes);
}

/** Multiplies: see variants.h. */
EXPORT void millrace_multiply(int32_t v, int32_t f, int64_t units, int64_t outputs,
        int64_t begin_row, int64_t end_row, int64_t begin, int64_t end, const uint8_t *tiles,
        const uint8_t *x, float *y, uint8_t *panels, int32_t panels_ready) {
    product p = {(format) f, units, outputs, begin_row, end_row, begin, end, tiles, x, y, panels,
        panels_ready};
    BUILT[v]->multiply(&p);
}

/** Scores of key tiles, to (rows, pitch) floats from a column on: see variants.h. */
EXPORT void millrace_score(int32_t v, int64_t head_size, int64_t rows, int64_t tiles,
        const int64_t *tile_addresses, const uint8_t *queries, float *scores, int64_t column,
        int64_t pitch) {
    attention a = {head_size, rows, tiles, tile_addresses, queries, scores + column, pitch, 0, 0,
        NULL, 0};
    BUILT[v]->score(&a);
}

/** Adds weighted values to (rows, sum_pitch) floats; weights are from a column on. */
EXPORT void millrace_add_values(int32_t v, int64_t head_size, int64_t rows, int64_t tiles,
        const int64_t *tile_addresses, int64_t begin, int64_t end, float *weights, int64_t column,
        int64_t pitch, float *sums, int64_t sum_pitch) {
    attention a = {head_size, rows, tiles, tile_addresses, NULL, weights + column, pitch, begin,
        end, sums, sum_pitch};
    BUILT[v]->add_values(&a);
}

/*
 * Operations on activations, arrays from offsets on: see elements.h. All take the same arguments,
 * whether they need them or not: Java links a signature once, which takes it milliseconds.
 */
#define ELEMENT_FUNCTION(name, call) \
    EXPORT void millrace_##name(int32_t v, float *a, int64_t a_offset, float *b, \
            int64_t b_offset, float *c, int64_t c_offset, int64_t count, float p, float q, \
            int32_t option) { \
        const element_kernels *kernels = &BUILT[v]->elements; \
        a += a_offset; \
        b += b_offset; \
        c += c_offset; \
        (void) b, (void) c, (void) p, (void) q, (void) option; \
        kernels->call; \
    }

ELEMENT_FUNCTION(sum_squares, sum_squares(a, count, b))
ELEMENT_FUNCTION(scale_multiply, scale_multiply(a, p, b, count, c))
ELEMENT_FUNCTION(add, add(a, b, count))
ELEMENT_FUNCTION(add_scaled, add_scaled(a, b, p, count))
ELEMENT_FUNCTION(scale, scale(a, p, count))
ELEMENT_FUNCTION(gelu_arguments, gelu_arguments(a, p, q, count, b))
ELEMENT_FUNCTION(clamp_gate, clamp_gate(a, b, p, count))
ELEMENT_FUNCTION(divide_multiply, divide_multiply(a, b, c, count))
ELEMENT_FUNCTION(rotate_halves, rotate_halves(a, b, c, count))
ELEMENT_FUNCTION(rotate_adjacent, rotate_adjacent(a, b, c, count))
ELEMENT_FUNCTION(find_maxima, find_maxima(a, count, b))
ELEMENT_FUNCTION(exp_shifted, exp_shifted(a, count, p, q, b))
ELEMENT_FUNCTION(soft_cap, soft_cap(a, count, p, q))
ELEMENT_FUNCTION(exponentiate, exponentiate(a, count, p, q, option, b))

/* Products of rows with tiles of floats, halves and bytes, numbered 0 to 2: float_attention.h. */

EXPORT void millrace_multiply_tile(int32_t v, int32_t elements, const float *scales,
        const uint8_t *tile, int64_t steps, int64_t rows, const float *a, int64_t a_offset,
        int64_t a_stride, float *c, int64_t c_offset, int64_t c_stride) {
    BUILT[v]->cache.multiply[elements](scales, tile, steps, rows, a + a_offset, a_stride,
            c + c_offset, c_stride);
}

/** The same, with the sums times a scale per lane. */
EXPORT void millrace_score_tile(int32_t v, int32_t elements, const float *scales,
        const uint8_t *tile, int64_t steps, int64_t rows, const float *a, int64_t a_offset,
        int64_t a_stride, float *c, int64_t c_offset, int64_t c_stride) {
    BUILT[v]->cache.score[elements](scales, tile, steps, rows, a + a_offset, a_stride,
            c + c_offset, c_stride);
}

EXPORT void millrace_expand_halves(int32_t v, const uint8_t *from, int64_t rows, float *to) {
    BUILT[v]->cache.expand_halves(from, rows, to);
}

EXPORT void millrace_expand_bytes(int32_t v, const int8_t *from, int64_t rows, float *to) {
    BUILT[v]->cache.expand_bytes(from, rows, to);
}

EXPORT void millrace_read_scales(int32_t v, const uint8_t *from, float *to, int64_t offset) {
    BUILT[v]->cache.read_scales(from, to + offset);
}
