package dev.millrace.kernels;

/** How the elements of cached keys and values are kept. */
public enum KvFormat {

    /** As they were computed. */
    F32,

    /** Rounded to the nearest half: 11 bits of precision. */
    F16,

    /**
     * Signed bytes times a half: one for {@value #GROUP_ELEMENTS} elements of a key (a few elements
     * of keys are far larger than the others and would cost those their precision), one for a whole
     * value.
     */
    Q8_0;

    /** Elements of a key that share a scale in {@link #Q8_0}. */
    public static final int GROUP_ELEMENTS = 32;

    /** Bytes of one head's key and value together, before a backend aligns them. */
    public long pairBytes(int headSize) {
        return switch (this) {
            case F32 -> 2L * Float.BYTES * headSize;
            case F16 -> 2L * Short.BYTES * headSize;
            case Q8_0 -> 2L * headSize
                    + Short.BYTES * (1L + Math.ceilDiv(headSize, GROUP_ELEMENTS));
        };
    }
}
