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
    /** Bytes with a half for 32 of them. */
    Q8,
    /** Nibbles around zero with a half for 32 of them. */
    Q4,
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
            case Q4_K -> Q4K;
            case Q6_K, Q3_K -> Q6K;
            default -> WIDE;
        };
    }

    /** Whether weights are numbers by themselves, and not codes of a block. */
    boolean isFloat() {
        return this == F16 || this == F16X2;
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
            case Q8 -> "8.5 bits";
            case Q4, Q4K -> "4.5 bits";
            case Q6K -> "6.56 bits";
            case WIDE -> minimums ? "12 bits, without loss" : "10 bits, without loss";
        };
    }
}
