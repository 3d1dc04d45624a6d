/*
 * Operations on vectors of activations, element by element: ElementKernels.java says what each does
 * and VectorElementKernels.java is its twin, with the same arithmetic in the same order.
 *
 * What sums or compares across elements does so in 16 lanes, however wide the vectors are, and an
 * element's result does not depend on where it lies. So all variants give the same bits.
 */
#include "layout.h"
#include <math.h>
#include <string.h>

enum { ELEMENT_LANES = 16, ELEMENT_VECTORS = ELEMENT_LANES / LANES };

/** exp of less is 0: it would be subnormal. */
#define EXP_LOWEST (-87.33654f)
/** exp of more is taken for exp of this, 1.65e38. */
#define EXP_HIGHEST 88.0f
/** Added and subtracted, rounds to an integer, which is then in the lowest bits. */
#define ROUNDER 0x1.8p23f
/** From twice of this on, tanh is 1. */
#define TANH_LIMIT 20.0f
#define EXPONENT_BIAS 127
#define EXPONENT_SHIFT 23
#define LOG2_E 1.44269504f
/** ln 2 in two parts; products of the first with small integers are exact. */
#define LN_2_HIGH 0.693359375f
#define LN_2_LOW (-2.12194440e-4f)
/** ln 2 in one: what it lacks matters only to weights that are next to nothing. */
#define LN_2 0.6931471806f

INLINE floats all(float value) {
    return repeat_float((const uint8_t *) &value);
}

INLINE ints all_ints(int32_t value) {
    return repeat_int((const uint8_t *) &value);
}

/** Loads up to a vector of elements, zeros beyond. */
INLINE floats load_some(const float *p, int64_t count) {
    if (count >= LANES) {
        return load_floats(p);
    }
    float part[LANES] = {0};
    memcpy(part, p, (size_t) count * sizeof *p);
    return load_floats(part);
}

/** Stores the first elements of a vector, as many as there are. */
INLINE void store_some(float *p, floats v, int64_t count) {
    if (count >= LANES) {
        store_floats(p, v);
        return;
    }
    float part[LANES];
    store_floats(part, v);
    memcpy(p, part, (size_t) count * sizeof *p);
}

static void sum_squares(const float *x, int64_t count, float *lanes) {
    floats sums[2][ELEMENT_VECTORS];
    UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
        sums[0][v] = sums[1][v] = zero_floats();
    }
    int64_t i = 0;
    for (; i + 2 * ELEMENT_LANES <= count; i += 2 * ELEMENT_LANES) {
        UNROLL for (int half = 0; half < 2; half++) {
            UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
                floats e = load_floats(x + i + half * ELEMENT_LANES + v * LANES);
                sums[half][v] = times_plus(e, e, sums[half][v]);
            }
        }
    }
    UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
        store_floats(lanes + v * LANES, plus(sums[0][v], sums[1][v]));
    }
    for (; i < count; i++) {
        lanes[i % ELEMENT_LANES] = fmaf(x[i], x[i], lanes[i % ELEMENT_LANES]);
    }
}

static void scale_multiply(const float *x, float scale, const float *factors, int64_t count,
        float *out) {
    for (int64_t i = 0; i < count; i += LANES) {
        store_some(out + i, times(times(load_some(x + i, count - i), all(scale)),
                load_some(factors + i, count - i)), count - i);
    }
}

static void add(float *x, const float *y, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        store_some(x + i, plus(load_some(x + i, count - i), load_some(y + i, count - i)),
                count - i);
    }
}

static void add_scaled(float *x, const float *y, float factor, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        store_some(x + i, times_plus(all(factor), load_some(y + i, count - i),
                load_some(x + i, count - i)), count - i);
    }
}

static void scale(float *x, float factor, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        store_some(x + i, times(load_some(x + i, count - i), all(factor)), count - i);
    }
}

static void gelu_arguments(const float *gate, float linear, float cubic, int64_t count,
        float *out) {
    for (int64_t i = 0; i < count; i += LANES) {
        floats g = load_some(gate + i, count - i);
        store_some(out + i, times(times_plus(times(g, g), all(cubic), all(linear)), g), count - i);
    }
}

static void clamp_gate(float *gate, float *up, float limit, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        store_some(gate + i, at_most(all(limit), load_some(gate + i, count - i)), count - i);
        floats u = at_least(all(-limit), at_most(all(limit), load_some(up + i, count - i)));
        store_some(up + i, plus(u, all(1)), count - i);
    }
}

static void divide_multiply(float *x, const float *divisors, const float *factors,
        int64_t count) {
    for (int64_t i = 0; i < count; i += LANES) {
        floats quotient = over(load_some(x + i, count - i),
                plus(load_some(divisors + i, count - i), all(1)));
        store_some(x + i, times(quotient, load_some(factors + i, count - i)), count - i);
    }
}

static void rotate_halves(float *x, const float *cosines, const float *sines, int64_t pairs) {
    for (int64_t i = 0; i < pairs; i += LANES) {
        int64_t left = pairs - i;
        floats a = load_some(x + i, left);
        floats b = load_some(x + pairs + i, left);
        floats cosine = load_some(cosines + i, left);
        floats sine = load_some(sines + i, left);
        store_some(x + i, minus(times(a, cosine), times(b, sine)), left);
        store_some(x + pairs + i, plus(times(a, sine), times(b, cosine)), left);
    }
}

/** As plain C: compilers know how to part even and odd lanes. */
static void rotate_adjacent(float *restrict x, const float *restrict cosines,
        const float *restrict sines, int64_t pairs) {
    for (int64_t i = 0; i < pairs; i++) {
        float a = x[2 * i];
        float b = x[2 * i + 1];
        x[2 * i] = a * cosines[i] - b * sines[i];
        x[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
}

static void find_maxima(const float *x, int64_t count, float *lanes) {
    floats most[ELEMENT_VECTORS];
    UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
        most[v] = all(-INFINITY);
    }
    int64_t i = 0;
    for (; i + ELEMENT_LANES <= count; i += ELEMENT_LANES) {
        UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
            floats e = load_floats(x + i + v * LANES);
            // A comparison with NaN is false, so NaN never gets in.
            most[v] = where_less(most[v], e, e, most[v]);
        }
    }
    UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
        store_floats(lanes + v * LANES, most[v]);
    }
    for (; i < count; i++) {
        lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    }
}

/** exp(r) - 1 for small r: Moshier's coefficients of expf in his Cephes library. */
INLINE floats exp_of_rest(floats r) {
    floats p = times_plus(r, all(1.9875691500E-4f), all(1.3981999507E-3f));
    p = times_plus(p, r, all(8.3334519073E-3f));
    p = times_plus(p, r, all(4.1665795894E-2f));
    p = times_plus(p, r, all(1.6666665459E-1f));
    p = times_plus(p, r, all(5.0000001201E-1f));
    return times_plus(times(p, r), r, r);
}

/** What remains of v after n times ln 2. */
INLINE floats rest_of(floats n, floats v) {
    return times_plus(n, all(-LN_2_LOW), times_plus(n, all(-LN_2_HIGH), v));
}

/** 2 to the integer in the lowest bits of what was rounded, times 2^shift. */
INLINE floats power_of(floats rounded, int shift) {
    return floats_of_bits(shift_left(
            plus_ints(bits_of_floats(rounded), all_ints(EXPONENT_BIAS + shift)), EXPONENT_SHIFT));
}

static void exp_shifted(const float *x, int64_t count, float max, float factor, float *out) {
    for (int64_t i = 0; i < count; i += LANES) {
        floats v = times(minus(load_some(x + i, count - i), all(max)), all(factor));
        floats clamped = at_least(all(EXP_LOWEST), at_most(all(EXP_HIGHEST), v));
        floats rounded = times_plus(clamped, all(LOG2_E), all(ROUNDER));
        floats p = plus(exp_of_rest(rest_of(minus(rounded, all(ROUNDER)), clamped)), all(1));
        p = times(p, power_of(rounded, 0));
        store_some(out + i, where_less(v, all(EXP_LOWEST), zero_floats(), p), count - i);
    }
}

/** tanh y = e / (e + 2) with e = exp(2 y) - 1, which keeps its precision near zero. */
static void soft_cap(float *x, int64_t count, float factor, float cap) {
    for (int64_t i = 0; i < count; i += LANES) {
        floats v = times(load_some(x + i, count - i), all(factor));
        v = at_least(all(-TANH_LIMIT), at_most(all(TANH_LIMIT), v));
        floats rounded = times_plus(v, all(LOG2_E), all(ROUNDER));
        floats power = power_of(rounded, 0);
        floats p = exp_of_rest(rest_of(minus(rounded, all(ROUNDER)), v));
        floats e = times_plus(p, power, minus(power, all(1)));
        store_some(x + i, times(over(e, plus(e, all(2))), all(cap)), count - i);
    }
}

/**
 * 2^n times a polynomial in what remains, whose coefficients minimise the largest relative error,
 * 1.05e-7.
 */
INLINE floats weight_of(floats score, floats max, floats factor, int shift) {
    floats v = times(minus(score, max), factor);
    floats rounded = times_plus(v, all(LOG2_E), all(ROUNDER));
    floats r = times_plus(minus(rounded, all(ROUNDER)), all(-LN_2), v);
    floats p = times_plus(r, all(8.312525e-3f), all(4.1890115e-2f));
    p = times_plus(p, r, all(1.6667114e-1f));
    p = times_plus(p, r, all(4.9999231e-1f));
    p = plus(times_plus(times(p, r), r, r), all(1));
    return where_less(v, all(EXP_LOWEST), zero_floats(), times(p, power_of(rounded, shift)));
}

static void exponentiate(float *x, int64_t count, float max, float factor, int shift,
        float *lanes) {
    floats sums[ELEMENT_VECTORS];
    UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
        sums[v] = zero_floats();
    }
    int64_t i = 0;
    for (; i + ELEMENT_LANES <= count; i += ELEMENT_LANES) {
        UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
            float *at = x + i + v * LANES;
            floats weight = weight_of(load_floats(at), all(max), all(factor), shift);
            store_floats(at, weight);
            sums[v] = plus(sums[v], weight);
        }
    }
    UNROLL for (int v = 0; v < ELEMENT_VECTORS; v++) {
        int64_t left = count - i - v * LANES;
        if (left > 0) {
            float *at = x + i + v * LANES;
            store_some(at, weight_of(load_some(at, left), all(max), all(factor), shift), left);
            // What was stored, and zeros beyond it.
            sums[v] = plus(sums[v], load_some(at, left));
        }
        store_floats(lanes + v * LANES, sums[v]);
    }
}
