package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;

/**
 * One block of a quantised format, taken apart into small integers.
 *
 * <p>Element i of group {@code g = i / groupElements()} is
 * {@code groupScale(g) * code(i) - groupMinimum(g)}, rounded to float32 as written; that is how
 * ggml's reference dequantiser rounds too. Every quantised format has this form, so whoever packs
 * or dequantises needs to know no format but this one.
 *
 * <p>An instance is a buffer that {@link #read} fills again and again; it is not thread-safe.
 */
public abstract sealed class QuantBlock permits RoundBlock, KBlock, TableBlock,
        LatticeBlock, TernaryLatticeBlock, TernaryBlock {

    /** What the scales and minimums of groups can be kept in without loss. */
    public enum Scales {
        /** A float16 each. */
        HALVES,
        /** The upper half of a float32 each. */
        BRAIN_FLOATS,
        /** A signed byte each, in units of a float32 of the block. */
        CODED
    }

    private final QuantFormat format;
    private final int groupElements;
    private final Scales scales;
    private final boolean hasMinimums;
    private final byte[] codebook;

    final byte[] codes;
    final byte[] scaleCodes;
    final byte[] minCodes;
    float scale;
    float minScale;

    /** @param codebook the codes that occur where they are at most sixteen, or nothing */
    QuantBlock(QuantFormat format, int groupElements, Scales scales, boolean hasMinimums,
            byte... codebook) {
        this.format = format;
        this.groupElements = groupElements;
        this.scales = scales;
        this.hasMinimums = hasMinimums;
        this.codebook = codebook;
        int groups = format.blockElements() / groupElements;
        codes = new byte[format.blockElements()];
        scaleCodes = new byte[groups];
        minCodes = new byte[groups];
    }

    /**
     * An empty buffer for blocks of a format, or of its {@link QuantFormat#plain() plain} one.
     *
     * @throws IllegalArgumentException for F32, F16 and BF16, which have no blocks
     */
    public static QuantBlock of(QuantFormat format) {
        return switch (format) {
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 -> new RoundBlock(format);
            case Q2_K, Q3_K, Q4_K, Q5_K, Q6_K -> new KBlock(format);
            case IQ4_NL, IQ4_XS, MXFP4, NVFP4 -> new TableBlock(format);
            case IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S -> new LatticeBlock(format);
            case IQ1_S, IQ1_M -> new TernaryLatticeBlock(format);
            case TQ1_0, TQ2_0 -> new TernaryBlock(format);
            case INT4_G128, INT4_ZERO, INT4_ZERO_G128, INT8_CHANNEL -> of(format.plain());
            case F32, F16, BF16 -> throw new IllegalArgumentException(
                    format + " holds plain floats, not blocks of codes");
        };
    }

    /**
     * The lattice that IQ2_XXS draws from: 256 points of 8 magnitudes (8, 25 or 43), for those who
     * unpack it by themselves.
     */
    public static byte[] latticePoints() {
        return LatticePoints.IQ2_XXS.elements().clone();
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

    /** What {@link #groupScale} and {@link #groupMinimum} can be kept in. */
    public final Scales scales() {
        return scales;
    }

    /** Whether groups subtract a minimum; without, every {@link #groupMinimum} is 0. */
    public final boolean hasMinimums() {
        return hasMinimums;
    }

    /** The codes that occur, at most sixteen; empty for a format that has more. */
    public final byte[] codebook() {
        return codebook.clone();
    }

    /** The integer that stands for an element. */
    public final byte code(int element) {
        return codes[element];
    }

    /** What the codes of a group are multiplied by. */
    public float groupScale(int group) {
        return scale * scaleCodes[group];
    }

    /** What is subtracted from the elements of a group. */
    public final float groupMinimum(int group) {
        return minScale * minCodes[group];
    }

    /** The group's scale in units of {@link #scale()}, where scales are coded. */
    public final byte scaleCode(int group) {
        return scaleCodes[group];
    }

    /** The group's minimum in units of {@link #minScale()}, where scales are coded. */
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
            float groupScale = groupScale(group);
            float groupMinimum = groupMinimum(group);
            int first = group * groupElements;
            for (int i = first; i < first + groupElements; i++) {
                out[outOffset + i] = groupScale * codes[i] - groupMinimum;
            }
        }
    }
}
