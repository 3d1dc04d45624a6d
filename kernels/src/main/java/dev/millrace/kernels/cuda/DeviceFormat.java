package dev.millrace.kernels.cuda;

import dev.millrace.kernels.QuantFormat;

/**
 * How weights are kept on the device; the order is that of {@code enum Format} of the kernels. None
 * loses anything that the products could show.
 */
enum DeviceFormat {
    /** A half times a power of two per row: exact for halves and brain floats of a usual range. */
    F16,
    /** The sum of two halves, times a power of two per row: 22 bits of a float. */
    F16X2,
    /** Bytes with a float per row. */
    I8,
    /** Bytes with a half for 32 of them. */
    Q8,
    /** Nibbles around zero with a half for 32 of them. */
    Q4,
    /** Nibbles around a zero point with a half for 32 of them; zero points have four bits. */
    Q4Z,
    /** Nibbles around zero with a half for 128 of them. */
    I4,
    /** Nibbles around a zero point, which is a byte, with a half for 128 of them. */
    I4Z,
    /** Nibbles with two halves for 256 of them, and twice six bits for 32. */
    Q4K,
    /** Six bits with a half for 256 of them, and a byte for 16. */
    Q6K,
    /** Bytes with a float for 16 of them, and where there are minimums another. */
    WIDE;

    /** What a file's format becomes. */
    static DeviceFormat of(QuantFormat format) {
        return switch (format) {
            case F16, BF16 -> F16;
            case F32 -> F16X2;
            case Q8_0, Q5_0, IQ4_NL -> Q8;
            case Q4_0 -> Q4;
            case INT4_G128 -> I4;
            case INT4_ZERO -> Q4Z;
            case INT4_ZERO_G128 -> I4Z;
            case INT8_CHANNEL -> I8;
            case Q4_K -> Q4K;
            case Q6_K, Q3_K -> Q6K;
            default -> WIDE;
        };
    }

    /** Whether weights are numbers by themselves, and not codes of a block. */
    boolean isFloat() {
        return this == F16 || this == F16X2;
    }

    /** Whether codes are around zero points of their own. */
    boolean hasZeros() {
        return this == Q4Z || this == I4Z;
    }

    /** Whether there is a kernel for many tokens; the others are rare in large matrices. */
    boolean isForMany() {
        return this != F16X2 && this != WIDE;
    }

    /** In words, with the memory that it takes. */
    String form(boolean minimums) {
        return switch (this) {
            case F16 -> "16 bits, a power of two per row";
            case F16X2 -> "32 bits, as two halves";
            case I8 -> "8 bits, a float per row";
            case Q8 -> "8.5 bits";
            case Q4, Q4K -> "4.5 bits";
            case Q4Z -> "4.63 bits";
            case I4 -> "4.13 bits";
            case I4Z -> "4.19 bits";
            case Q6K -> "6.56 bits";
            case WIDE -> minimums ? "12 bits, without loss" : "10 bits, without loss";
        };
    }
}
