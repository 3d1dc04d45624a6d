/* 512-bit vectors with the byte dot products of AVX-512 VNNI. */
#ifndef MILLRACE_VECTORS_H
#define MILLRACE_VECTORS_H

#include "layout.h"
#include <immintrin.h>

#define VARIANT(name) name##_avx512

enum {
    LANES = 16,
    /** Rows that read a tile together; with one vector each they leave registers for codes. */
    TILE_PRODUCT_ROWS = 8,
    /** Rows and vectors that read a panel together: 12 dot products, 12 sums, 8 others. */
    PANEL_PRODUCT_ROWS = 6,
    PANEL_PRODUCT_VECTORS = 2
};

typedef __m512i ints;
typedef __m512 floats;

INLINE ints load_ints(const uint8_t *p) { return _mm512_loadu_si512(p); }
INLINE void store_ints(uint8_t *p, ints v) { _mm512_storeu_si512(p, v); }
INLINE ints repeat_int(const uint8_t *p) { return _mm512_set1_epi32(*(const int32_t *) p); }
INLINE ints repeat_byte(int b) { return _mm512_set1_epi8((char) b); }
INLINE ints repeat_16_bytes(const uint8_t *p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *) p));
}
INLINE ints shift_left(ints v, int bits) { return _mm512_slli_epi32(v, bits); }
INLINE ints shift_right(ints v, int bits) { return _mm512_srai_epi32(v, bits); }
INLINE ints and_ints(ints a, ints b) { return _mm512_and_si512(a, b); }
INLINE ints or_ints(ints a, ints b) { return _mm512_or_si512(a, b); }
INLINE ints add_bytes(ints a, ints b) { return _mm512_add_epi8(a, b); }
INLINE ints look_up(ints table, ints index) { return _mm512_shuffle_epi8(table, index); }
INLINE ints ints_of_bytes(const uint8_t *p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) p));
}

INLINE floats zero_floats(void) { return _mm512_setzero_ps(); }
INLINE floats load_floats(const float *p) { return _mm512_loadu_ps(p); }
INLINE void store_floats(float *p, floats v) { _mm512_storeu_ps(p, v); }
INLINE floats repeat_float(const uint8_t *p) { return _mm512_set1_ps(*(const float *) p); }
INLINE floats times(floats a, floats b) { return _mm512_mul_ps(a, b); }
INLINE floats minus(floats a, floats b) { return _mm512_sub_ps(a, b); }
INLINE floats plus(floats a, floats b) { return _mm512_add_ps(a, b); }
INLINE floats over(floats a, floats b) { return _mm512_div_ps(a, b); }
/* Of two operands, one NaN, these instructions take the second: what is limited stays NaN. */
INLINE floats at_most(floats limit, floats v) { return _mm512_min_ps(limit, v); }
INLINE floats at_least(floats limit, floats v) { return _mm512_max_ps(limit, v); }
/** Lane by lane, a < b ? x : y. */
INLINE floats where_less(floats a, floats b, floats x, floats y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
INLINE floats times_plus(floats a, floats b, floats c) { return _mm512_fmadd_ps(a, b, c); }
INLINE floats floats_of_ints(ints v) { return _mm512_cvtepi32_ps(v); }
INLINE ints round_floats(floats v) { return _mm512_cvtps_epi32(v); }
INLINE ints bits_of_floats(floats v) { return _mm512_castps_si512(v); }
INLINE floats floats_of_bits(ints v) { return _mm512_castsi512_ps(v); }
INLINE ints plus_ints(ints a, ints b) { return _mm512_add_epi32(a, b); }
INLINE ints largest_of(ints a, ints b) { return _mm512_max_epi32(a, b); }
INLINE int32_t largest_lane(ints v) { return _mm512_reduce_max_epi32(v); }
INLINE void store_low_bytes(uint8_t *p, ints v) {
    _mm_storeu_si128((__m128i *) p, _mm512_cvtepi32_epi8(v));
}
INLINE floats floats_of_halves(const uint8_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p));
}
INLINE floats floats_of_brain_floats(const uint8_t *p) {
    ints upper = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(upper, 16));
}

#define EACH_TILE_ROWS(M, f) M(f, 1) M(f, 2) M(f, 3) M(f, 4) M(f, 5) M(f, 6) M(f, 7) M(f, 8)
#define EACH_PANEL_ROWS(M, f) M(f, 1) M(f, 2) M(f, 3) M(f, 4) M(f, 5) M(f, 6)
#define EACH_PANEL_FORMAT(M) M(Q8_0) M(Q2_K) M(Q5_K) M(Q6_K)

/** Whether dot products take bytes of codes as unsigned. */
#define UNSIGNED_BYTES 1

/** In panels four formats stand for all; the others differ by what stands for zero only. */
INLINE format panel_format(format f) { return byte_panel_format(f); }

INLINE ints start_dot(format f, ints zero) { (void) f; return zero; }
/** Adds four products of unsigned codes and signed activations to each sum. */
INLINE ints add_dot(format f, ints sums, ints codes, ints x) {
    (void) f;
    return _mm512_dpbusd_epi32(sums, codes, x);
}
INLINE ints finish_dot(format f, ints sums, ints zero) { (void) f; (void) zero; return sums; }

#endif
