/* 128-bit vectors of ARM with the byte dot products of ARMv8.2. */
#ifndef MILLRACE_VECTORS_H
#define MILLRACE_VECTORS_H

#include "layout.h"
#include <arm_neon.h>
#include <string.h>

#define VARIANT(name) name##_neon

enum {
    LANES = 4,
    TILE_PRODUCT_ROWS = 3,
    PANEL_PRODUCT_ROWS = 4,
    PANEL_PRODUCT_VECTORS = 4
};

typedef int32x4_t ints;
typedef float32x4_t floats;

INLINE int8x16_t as_bytes(ints v) { return vreinterpretq_s8_s32(v); }
INLINE ints from_bytes(int8x16_t v) { return vreinterpretq_s32_s8(v); }

INLINE ints load_ints(const uint8_t *p) { return vreinterpretq_s32_u8(vld1q_u8(p)); }
INLINE void store_ints(uint8_t *p, ints v) { vst1q_u8(p, vreinterpretq_u8_s32(v)); }
INLINE ints repeat_int(const uint8_t *p) { return vld1q_dup_s32((const int32_t *) p); }
INLINE ints repeat_byte(int b) { return from_bytes(vdupq_n_s8((int8_t) b)); }
INLINE ints repeat_16_bytes(const uint8_t *p) { return load_ints(p); }
INLINE ints shift_left(ints v, int bits) { return vshlq_s32(v, vdupq_n_s32(bits)); }
INLINE ints shift_right(ints v, int bits) { return vshlq_s32(v, vdupq_n_s32(-bits)); }
INLINE ints and_ints(ints a, ints b) { return vandq_s32(a, b); }
INLINE ints or_ints(ints a, ints b) { return vorrq_s32(a, b); }
INLINE ints add_bytes(ints a, ints b) { return from_bytes(vaddq_s8(as_bytes(a), as_bytes(b))); }
INLINE ints look_up(ints table, ints index) {
    return from_bytes(vqtbl1q_s8(as_bytes(table), vreinterpretq_u8_s32(index)));
}
INLINE ints ints_of_bytes(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four))));
}

INLINE floats zero_floats(void) { return vdupq_n_f32(0); }
INLINE floats load_floats(const float *p) { return vld1q_f32(p); }
INLINE void store_floats(float *p, floats v) { vst1q_f32(p, v); }
INLINE floats repeat_float(const uint8_t *p) { return vld1q_dup_f32((const float *) p); }
INLINE floats times(floats a, floats b) { return vmulq_f32(a, b); }
INLINE floats minus(floats a, floats b) { return vsubq_f32(a, b); }
INLINE floats plus(floats a, floats b) { return vaddq_f32(a, b); }
INLINE floats over(floats a, floats b) { return vdivq_f32(a, b); }
/* What is limited stays NaN. */
INLINE floats at_most(floats limit, floats v) { return vminq_f32(limit, v); }
INLINE floats at_least(floats limit, floats v) { return vmaxq_f32(limit, v); }
/** Lane by lane, a < b ? x : y. */
INLINE floats where_less(floats a, floats b, floats x, floats y) {
    return vbslq_f32(vcltq_f32(a, b), x, y);
}
INLINE floats times_plus(floats a, floats b, floats c) { return vfmaq_f32(c, a, b); }
INLINE floats floats_of_ints(ints v) { return vcvtq_f32_s32(v); }
INLINE ints round_floats(floats v) { return vcvtnq_s32_f32(v); }
INLINE ints bits_of_floats(floats v) { return vreinterpretq_s32_f32(v); }
INLINE floats floats_of_bits(ints v) { return vreinterpretq_f32_s32(v); }
INLINE ints plus_ints(ints a, ints b) { return vaddq_s32(a, b); }
INLINE ints largest_of(ints a, ints b) { return vmaxq_s32(a, b); }
INLINE int32_t largest_lane(ints v) { return vmaxvq_s32(v); }
INLINE void store_low_bytes(uint8_t *p, ints v) {
    int16x4_t words = vmovn_s32(v);
    int8x8_t bytes = vmovn_s16(vcombine_s16(words, words));
    memcpy(p, &bytes, LANES);
}
INLINE floats floats_of_halves(const uint8_t *p) {
    uint64_t four;
    memcpy(&four, p, sizeof four);
    return vcvt_f32_f16(vreinterpret_f16_u64(vcreate_u64(four)));
}
INLINE floats floats_of_brain_floats(const uint8_t *p) {
    uint64_t four;
    memcpy(&four, p, sizeof four);
    return vreinterpretq_f32_u32(vshll_n_u16(vcreate_u16(four), 16));
}

#define EACH_TILE_ROWS(M, f) M(f, 1) M(f, 2) M(f, 3)
#define EACH_PANEL_ROWS(M, f) M(f, 1) M(f, 2) M(f, 3) M(f, 4)
#define EACH_PANEL_FORMAT(M) M(Q8_0) M(Q2_K) M(Q5_K) M(Q6_K)

/** Dot products take signed bytes: codes of eight bits are, those of all others fit seven. */
#define UNSIGNED_BYTES 0

INLINE format panel_format(format f) { return byte_panel_format(f); }

INLINE ints start_dot(format f, ints zero) { (void) f; return zero; }
INLINE ints add_dot(format f, ints sums, ints codes, ints x) {
    (void) f;
    return vdotq_s32(sums, as_bytes(codes), as_bytes(x));
}
INLINE ints finish_dot(format f, ints sums, ints zero) { (void) f; (void) zero; return sums; }

#endif
