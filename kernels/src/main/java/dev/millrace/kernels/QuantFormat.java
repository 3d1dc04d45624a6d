package dev.millrace.kernels;

/**
 * How the elements of a tensor are laid out in memory.
 *
 * <p>A row is a whole number of blocks; a block holds {@link #blockElements()} consecutive elements
 * in {@link #blockBytes()} little-endian bytes. The layouts are those of ggml
 * (<a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h">ggml-common.h</a>).
 */
public enum QuantFormat {
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    Q4_0(32, 18),
    Q4_1(32, 20),
    Q5_0(32, 22),
    Q5_1(32, 24),
    Q8_0(32, 34),
    Q2_K(256, 84),
    Q3_K(256, 110),
    Q4_K(256, 144),
    Q5_K(256, 176),
    Q6_K(256, 210),
    IQ1_S(256, 50),
    IQ1_M(256, 56),
    IQ2_XXS(256, 66),
    IQ2_XS(256, 74),
    IQ2_S(256, 82),
    IQ3_XXS(256, 98),
    IQ3_S(256, 110),
    IQ4_NL(32, 18),
    IQ4_XS(256, 136),
    TQ1_0(256, 54),
    TQ2_0(256, 66),
    MXFP4(32, 17),
    NVFP4(64, 36);

    private final int blockElements;
    private final int blockBytes;

    QuantFormat(int blockElements, int blockBytes) {
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    public int blockElements() {
        return blockElements;
    }

    public int blockBytes() {
        return blockBytes;
    }

    /**
     * Bytes of one row of {@code columns} elements.
     *
     * @throws IllegalArgumentException if a row is not a whole number of blocks
     */
    public long rowBytes(long columns) {
        if (columns <= 0 || columns % blockElements != 0) {
            throw new IllegalArgumentException(
                    "a row of " + this + " must be a positive multiple of "
                            + blockElements + " elements, got " + columns);
        }
        return Math.multiplyExact(columns / blockElements, (long) blockBytes);
    }
}
