/* 256-bit vectors, with the byte dot products of AVX-VNNI or with what AVX2 has. */
#ifndef MILLRACE_VECTORS_H
#define MILLRACE_VECTORS_H

#include "layout.h"
#include <immintrin.h>

enum {
    LANES = 8,
    TILE_PRODUCT_ROWS = 4,
    PANEL_PRODUCT_ROWS = 4,
    PANEL_PRODUCT_VECTORS = 2
};

typedef __m256i ints;
typedef __m256 floats;

INLINE ints load_ints(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *) p); }
INLINE void store_ints(uint8_t *p, ints v) { _mm256_storeu_si256((__m256i *) p, v); }
INLINE ints repeat_int(const uint8_t *p) { return _mm256_set1_epi32(*(const int32_t *) p); }
INLINE ints repeat_byte(int b) { return _mm256_set1_epi8((char) b); }
INLINE ints repeat_16_bytes(const uint8_t *p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) p));
}
INLINE ints shift_left(ints v, int bits) { return _mm256_slli_epi32(v, bits); }
INLINE ints shift_right(ints v, int bits) { return _mm256_srai_epi32(v, bits); }
INLINE ints and_ints(ints a, ints b) { return _mm256_and_si256(a, b); }
INLINE ints or_ints(ints a, ints b) { return _mm256_or_si256(a, b); }
INLINE ints add_bytes(ints a, ints b) { return _mm256_add_epi8(a, b); }
INLINE ints look_up(ints table, ints index) { return _mm256_shuffle_epi8(table, index); }
INLINE ints ints_of_bytes(const uint8_t *p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) p));
}

INLINE floats zero_floats(void) { return _mm256_setzero_ps(); }
INLINE floats load_floats(const float *p) { return _mm256_loadu_ps(p); }
INLINE void store_floats(float *p, floats v) { _mm256_storeu_ps(p, v); }
INLINE floats repeat_float(const uint8_t *p) { return _mm256_set1_ps(*(const float *) p); }
INLINE floats times(floats a, floats b) { return _mm256_mul_ps(a, b); }
INLINE floats minus(floats a, floats b) { return _mm256_sub_ps(a, b); }
INLINE floats plus(floats a, floats b) { return _mm256_add_ps(a, b); }
INLINE floats over(floats a, floats b) { return _mm256_div_ps(a, b); }
/* Of two operands, one NaN, these instructions take the second: what is limited stays NaN. */
INLINE floats at_most(floats limit, floats v) { return _mm256_min_ps(limit, v); }
INLINE floats at_least(floats limit, floats v) { return _mm256_max_ps(limit, v); }
/** Lane by lane, a < b ? x : y. */
INLINE floats where_less(floats a, floats b, floats x, floats y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
INLINE floats times_plus(floats a, floats b, floats c) { return _mm256_fmadd_ps(a, b, c); }
INLINE floats floats_of_ints(ints v) { return _mm256_cvtepi32_ps(v); }
INLINE ints round_floats(floats v) { return _mm256_cvtps_epi32(v); }
INLINE ints bits_of_floats(floats v) { return _mm256_castps_si256(v); }
INLINE floats floats_of_bits(ints v) { return _mm256_castsi256_ps(v); }
INLINE ints plus_ints(ints a, ints b) { return _mm256_add_epi32(a, b); }
INLINE ints largest_of(ints a, ints b) { return _mm256_max_epi32(a, b); }
INLINE int32_t largest_lane(ints v) {
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1)));
}
/** For values below 128. */
INLINE void store_low_bytes(uint8_t *p, ints v) {
    __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storel_epi64((__m128i *) p, _mm_packs_epi16(words, words));
}
INLINE floats floats_of_halves(const uint8_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p));
}
INLINE floats floats_of_brain_floats(const uint8_t *p) {
    ints upper = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(upper, 16));
}

#define EACH_TILE_ROWS(M, f) M(f, 1) M(f, 2) M(f, 3) M(f, 4)
#define EACH_PANEL_ROWS(M, f) M(f, 1) M(f, 2) M(f, 3) M(f, 4)

#if defined(__AVXVNNI__) || defined(__AVX512VNNI__)

#define VARIANT(name) name##_avxvnni
#define UNSIGNED_BYTES 1
#define EACH_PANEL_FORMAT(M) M(Q8_0) M(Q2_K) M(Q5_K) M(Q6_K)

INLINE format panel_format(format f) { return byte_panel_format(f); }

INLINE ints start_dot(format f, ints zero) { (void) f; return zero; }

INLINE ints add_dot(format f, ints sums, ints codes, ints x) {
    (void) f;
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(sums, codes, x);
#else
    return _mm256_dpbusd_epi32(sums, codes, x);
#endif
}

INLINE ints finish_dot(format f, ints sums, ints zero) { (void) f; (void) zero; return sums; }

#else

#define VARIANT(name) name##_avx2
/** Codes of eight bits are signed here; those of all other formats fit seven bits. */
#define UNSIGNED_BYTES 0
#define EACH_PANEL_FORMAT(M) M(Q4_0) M(Q8_0) M(Q2_K) M(Q4_K) M(Q5_K) M(Q6_K) M(IQ2_XXS)

INLINE format panel_format(format f) {
    switch (f) {
        case Q4_1: return Q4_K;
        case Q5_1: return Q5_K;
        case Q3_K: return Q6_K;
        case Q5_0:
        case MXFP4: return IQ2_XXS;
        case IQ4_NL:
        case IQ4_XS: return Q8_0;
        default: return f;
    }
}

/** A unit's sums of codes below 16 fit 16 bits: 16 * 15 * 127 = 30,480. */
INLINE int fits_16_bits(format f) { return low_bits(f) + high_bits(f) <= 4 && !has_table(f); }

INLINE ints start_dot(format f, ints zero) { return fits_16_bits(f) ? repeat_byte(0) : zero; }

/**
 * Sums pairs of products in 16 bits, which saturate: pairs of 7 bits by 8 reach 32,258, pairs of
 * magnitudes and signed activations 2 * 128 * 127 = 32,512, and both fit.
 */
INLINE ints add_dot(format f, ints sums, ints codes, ints x) {
    if (fits_16_bits(f)) {
        return _mm256_add_epi16(sums, _mm256_maddubs_epi16(codes, x));
    }
    ints pairs = has_byte_codes(f)
            ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes))
            : _mm256_maddubs_epi16(codes, x);
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

INLINE ints finish_dot(format f, ints sums, ints zero) {
    return fits_16_bits(f)
            ? _mm256_add_epi32(_mm256_madd_epi16(sums, _mm256_set1_epi16(1)), zero)
            : sums;
}

#endif

#endif
