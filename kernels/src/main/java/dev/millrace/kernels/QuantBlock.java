package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;

/**
 * One block of a quantised format, taken apart into small integers.
 *
 * <p>Element i of group {@code g = i / groupElements()} is
 * {@code (scale() * scaleCode(g)) * code(i) - (minScale() * minCode(g))}, each product rounded to
 * float32 as written; that is how ggml's reference dequantiser rounds too. Every quantised format
 * has this form, so whoever packs or dequantises needs to know no format but this one.
 *
 * <p>An instance is a buffer that {@link #read} fills again and again; it is not thread-safe.
 */
public abstract sealed class QuantBlock permits RoundBlock, KBlock, LatticeBlock {

    private final QuantFormat format;
    private final int groupElements;
    private final boolean hasMinimums;

    final byte[] codes;
    final byte[] scaleCodes;
    final byte[] minCodes;
    float scale;
    float minScale;

    QuantBlock(QuantFormat format, int groupElements, boolean hasMinimums) {
        this.format = format;
        this.groupElements = groupElements;
        this.hasMinimums = hasMinimums;
        int groups = format.blockElements() / groupElements;
        codes = new byte[format.blockElements()];
        scaleCodes = new byte[groups];
        minCodes = new byte[groups];
    }

    /**
     * An empty buffer for blocks of a format.
     *
     * @throws IllegalArgumentException for F32, F16 and BF16, which have no blocks
     */
    public static QuantBlock of(QuantFormat format) {
        return switch (format) {
            case Q4_0, Q8_0 -> new RoundBlock(format);
            case Q2_K, Q4_K, Q5_K, Q6_K -> new KBlock(format);
            case IQ2_XXS -> new LatticeBlock();
            case F32, F16, BF16 -> throw new IllegalArgumentException(
                    format + " holds plain floats, not blocks of codes");
        };
    }

    /**
     * The lattice that IQ2_XXS draws from: 256 points of 8 magnitudes (8, 25 or 43), for those who
     * unpack it by themselves.
     */
    public static byte[] latticePoints() {
        return LatticeBlock.points();
    }

    /** Takes apart the block at byte {@code offset} of {@code data}. */
    public abstract void read(MemorySegment data, long offset);

    /** The format that this buffer reads. */
    public final QuantFormat format() {
        return format;
    }

    /** Consecutive elements that share a scale. */
    public final int groupElements() {
        return groupElements;
    }

    /** Groups in the block. */
    public final int groups() {
        return scaleCodes.length;
    }

    /** Whether groups subtract a minimum; without, every {@link #minCode} is 0. */
    public final boolean hasMinimums() {
        return hasMinimums;
    }

    /** The integer that stands for an element. */
    public final byte code(int element) {
        return codes[element];
    }

    /** The group's scale in units of {@link #scale()}. */
    public final byte scaleCode(int group) {
        return scaleCodes[group];
    }

    /** The group's minimum in units of {@link #minScale()}. */
    public final byte minCode(int group) {
        return minCodes[group];
    }

    /** The block's factor on scale codes. */
    public final float scale() {
        return scale;
    }

    /** The block's factor on minimum codes; 0 for a format without minimums. */
    public final float minScale() {
        return minScale;
    }

    /** Writes the block's elements as floats to {@code out} at {@code outOffset}. */
    public final void dequantize(float[] out, int outOffset) {
        for (int group = 0; group < scaleCodes.length; group++) {
            float groupScale = scale * scaleCodes[group];
            float groupMin = minScale * minCodes[group];
            int first = group * groupElements;
            for (int i = first; i < first + groupElements; i++) {
                out[outOffset + i] = groupScale * codes[i] - groupMin;
            }
        }
    }
}
