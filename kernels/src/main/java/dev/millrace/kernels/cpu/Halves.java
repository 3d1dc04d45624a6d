package dev.millrace.kernels.cpu;

/**
 * How a half becomes a float32 in the lanes of a vector of ints: moved up by {@link #SHIFT}, its
 * magnitude is too small by a power of two, infinities and NaN apart.
 */
final class Halves {

    static final int SHIFT = 13;
    /** The exponent and mantissa of a half that was moved up. */
    static final int MAGNITUDE = 0x0FFFE000;
    /** Sign, exponent and mantissa of a finite half whose sign was extended before it moved. */
    static final int FINITE = 0x8FFFE000;
    static final int SIGN = 0x80000000;
    /** What the magnitude is too small by; exact, also where the half is subnormal. */
    static final float BIAS = 0x1p112f;
    /** Magnitudes from here on are infinite or NaN. */
    static final int INFINITY = 0x0F800000;
    /** The exponent that makes a float32 infinite or NaN. */
    static final int FLOAT_INFINITY = 0x7F800000;

    private Halves() {}

    static boolean isFinite(short half) {
        return (half & 0x7C00) != 0x7C00;
    }
}
