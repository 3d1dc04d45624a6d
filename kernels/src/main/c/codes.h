/* From packed bits to the byte codes and float scales that products use. */
#ifndef MILLRACE_CODES_H
#define MILLRACE_CODES_H

/** Unrolls the loop that follows, so that what it indexes can live in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum { TILE_VECTORS = TILE_ROWS / LANES, LANE_BYTES = 4 };

/** The codes of IQ2_XXS: 64 plus or minus 8, 25 or 43; the third bit is the sign. */
static const uint8_t LATTICE_TABLE[16] = {
    64 + 8, 64 + 25, 64 + 43, 64, 64 - 8, 64 - 25, 64 - 43, 64};

/** The values of IQ4_NL and IQ4_XS, from 128 on. */
static const uint8_t UNEVEN_TABLE[16] = {
    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

/** The values of MXFP4 twice: 16 plus or minus 0, 1, 2, 3, 4, 6, 8 and 12. */
static const uint8_t SMALL_FLOATS_TABLE[16] = {
    16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4};

/** Whether products take the codes as signed, with zero for zero. */
INLINE int has_signed_codes(format f) {
    return !UNSIGNED_BYTES && has_byte_codes(f);
}

INLINE ints load_table(format f) {
    if (!has_table(f)) {
        return repeat_byte(0);
    }
    ints table = repeat_16_bytes(f == IQ2_XXS ? LATTICE_TABLE
            : f == MXFP4 ? SMALL_FLOATS_TABLE : UNEVEN_TABLE);
    return has_signed_codes(f) ? add_bytes(table, repeat_byte(-128)) : table;
}

/** Whether dot products with codes of a format start at what stands for zero. */
INLINE int has_zero(format f) {
    return !has_minimums(f) && !has_signed_codes(f);
}

/** The code that stands for zero, as products take it. */
INLINE int zero_code(format f) {
    return has_zero(f) ? 1 << zero_shift(f) : 0;
}

/** Codes of one column group; `unit` is offset to the lanes that are wanted. */
INLINE ints load_codes(format f, const uint8_t *unit, int group, ints table) {
    int low = low_bits(f);
    int high = high_bits(f);
    if (low == 8) {
        ints bytes = load_ints(unit + VECTOR_BYTES * group);
        return has_signed_codes(f) ? add_bytes(bytes, repeat_byte(-128)) : bytes;
    }
    ints codes = load_ints(unit + VECTOR_BYTES * (group % low));
    codes = shift_right(codes, group / low * low);
    codes = and_ints(codes, repeat_byte((1 << low) - 1));
    if (high > 0) {
        ints bits = load_ints(unit + VECTOR_BYTES * (low + group % high));
        int up = low - group / high * high;
        bits = up >= 0 ? shift_left(bits, up) : shift_right(bits, -up);
        codes = or_ints(codes, and_ints(bits, repeat_byte(((1 << high) - 1) << low)));
    }
    return has_table(f) ? look_up(table, codes) : codes;
}

/** What a block's codes are multiplied by, in floats as the reference rounds them. */
INLINE floats load_factor(format f, const uint8_t *header) {
    static const float EIGHTH = 0.125f;
    floats factor = floats_of_halves(header);
    return f == IQ2_XXS ? times(factor, repeat_float((const uint8_t *) &EIGHTH)) : factor;
}

INLINE floats load_scale(format f, const uint8_t *header, int lane, int group, floats factor) {
    static const int32_t LOW = 0xF;
    if (has_half_scales(f)) {
        const uint8_t *scales = header + (group * TILE_ROWS + lane) * HALF_BYTES;
        return f == MXFP4 ? floats_of_brain_floats(scales) : floats_of_halves(scales);
    }
    ints codes = ints_of_bytes(header + FACTOR_BYTES + group * TILE_ROWS + lane);
    if (f == Q2_K) {
        codes = and_ints(codes, repeat_int((const uint8_t *) &LOW));
    }
    return times(factor, floats_of_ints(codes));
}

INLINE floats load_minimum(format f, const uint8_t *header, int lane, int group, floats factor) {
    static const int32_t LOW = 0xF;
    if (has_half_scales(f)) {
        return floats_of_halves(
                header + ((BLOCK_UNITS + group) * TILE_ROWS + lane) * HALF_BYTES);
    }
    const uint8_t *codes = header + FACTOR_BYTES + group * TILE_ROWS + lane;
    if (f == Q2_K) {
        ints pairs = shift_right(ints_of_bytes(codes), 4);
        return times(factor, floats_of_ints(and_ints(pairs, repeat_int((const uint8_t *) &LOW))));
    }
    return times(factor, floats_of_ints(ints_of_bytes(codes + block_groups(f) * TILE_ROWS)));
}

/** Where the codes' zero of a row and group starts a dot product. */
INLINE ints load_zero(format f, const uint8_t *zeros) {
    if (!has_zero(f)) {
        return repeat_byte(0);
    }
    return zero_shift(f) == 7 ? repeat_int(zeros)
            : shift_right(repeat_int(zeros), 7 - zero_shift(f));
}

#endif
