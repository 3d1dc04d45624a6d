package dev.millrace.kernels;

/**
 * How the elements of a tensor are laid out in memory.
 *
 * <p>A row is a whole number of blocks; a block holds {@link #blockElements()} consecutive elements
 * in {@link #blockBytes()} little-endian bytes. The layouts are those of ggml
 * (<a href="https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h">ggml-common.h</a>).
 *
 * <p>Formats whose names begin with INT are ggml's blocks of which more is known than ggml has a
 * name for: that many columns share a scale, or that codes span no more than four bits. Whoever
 * does not care takes them as their {@link #plain()} format; a device need not keep what is
 * repeated.
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
    NVFP4(64, 36),
    /** Blocks of Q4_0, four in turn with one scale. */
    INT4_G128(Q4_0, 4),
    /** Blocks of Q5_0, the codes of each from some -z to 15 - z, with z from 0 to 15. */
    INT4_ZERO(Q5_0, 1),
    /** The same, four in turn with one scale and one z. */
    INT4_ZERO_G128(Q5_0, 4),
    /** Blocks of Q8_0, all of a row with one scale. */
    INT8_CHANNEL(Q8_0, 1);

    private final int blockElements;
    private final int blockBytes;
    private final QuantFormat plain;

    QuantFormat(int blockElements, int blockBytes) {
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
        this.plain = null;
    }

    /** @param blocks of the plain format that make one of this */
    QuantFormat(QuantFormat plain, int blocks) {
        this.blockElements = plain.blockElements * blocks;
        this.blockBytes = plain.blockBytes * blocks;
        this.plain = plain;
    }

    public int blockElements() {
        return blockElements;
    }

    public int blockBytes() {
        return blockBytes;
    }

    /** The format of ggml that the same bytes are of: mostly this one. */
    public QuantFormat plain() {
        return plain == null ? this : plain;
    }

    /** Whether ggml has it. */
    public boolean isPlain() {
        return plain == null;
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
