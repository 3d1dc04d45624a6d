/*
 * Quantises rows of activations, as plain C: the compiler turns these loops into vectors. The
 * result is the same on every machine, because nothing is summed but integers.
 */
#include "layout.h"
#include <math.h>
#include <string.h>

/** Magnitudes below 2^-100 count as zero: their reciprocals would overflow. */
static const uint32_t LEAST_BITS = (127 - 100) << 23;
static const uint32_t INFINITY_BITS = 0xFFu << 23;

/** Bits of the largest magnitude of a unit; NaN is larger than infinity. */
static uint32_t largest_bits(const float *x) {
    int32_t most = 0;
    for (int i = 0; i < UNIT_COLUMNS; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= INT32_MAX;
        most = bits > most ? bits : most;
    }
    return (uint32_t) most;
}

/** Rounds to the nearest code, ties to even; returns the sum of a half unit's codes. */
static int32_t quantise_half(const float *x, float inverse, int8_t *codes) {
    int32_t sum = 0;
    for (int i = 0; i < UNIT_COLUMNS / 2; i++) {
        int32_t code = (int32_t) rintf(x[i] * inverse);
        codes[i] = (int8_t) code;
        sum += code;
    }
    return sum;
}

/**
 * Writes a row of activations as layout.h says. A unit with a number that is not finite gets NaN as
 * its scale, so that the row's products become NaN and no others.
 */
static void quantise_row(const float *x, int64_t units, uint8_t *out) {
    const row_layout row = row_of(units);
    float *scales = (float *) (out + row.scales);
    int32_t *zeros = (int32_t *) (out + row.zeros);
    int32_t *zeros16 = (int32_t *) (out + row.zeros16);
    float *sums = (float *) (out + row.sums);
    float *sums16 = (float *) (out + row.sums16);
    for (int64_t unit = 0; unit < units; unit++) {
        uint32_t bits = largest_bits(x + unit * UNIT_COLUMNS);
        float scale = 0;
        float inverse = 0;
        if (bits >= INFINITY_BITS) {
            scale = NAN;
        } else if (bits >= LEAST_BITS) {
            float largest;
            memcpy(&largest, &bits, sizeof largest);
            scale = largest / 127;
            inverse = 127 / largest;
        }
        int8_t *codes = (int8_t *) out + unit * UNIT_COLUMNS;
        int32_t halves[2] = {0, 0};
        if (inverse == 0) {
            memset(codes, 0, UNIT_COLUMNS);
        } else {
            for (int h = 0; h < 2; h++) {
                int64_t first = h * UNIT_COLUMNS / 2;
                halves[h] = quantise_half(x + unit * UNIT_COLUMNS + first, inverse, codes + first);
            }
        }
        scales[unit] = scale;
        zeros[unit] = -128 * (halves[0] + halves[1]);
        sums[unit] = scale * (float) (halves[0] + halves[1]);
        for (int h = 0; h < 2; h++) {
            zeros16[2 * unit + h] = -128 * halves[h];
            sums16[2 * unit + h] = scale * (float) halves[h];
        }
    }
}
