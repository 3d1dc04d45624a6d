package dev.millrace.kernels.quantize;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** Turns floats into one format. Holds buffers: one instance per thread. */
public final class Quantizer {

    private static final Set<QuantFormat> TARGETS = Collections.unmodifiableSet(EnumSet.of(
            QuantFormat.F32, QuantFormat.F16, QuantFormat.BF16, QuantFormat.Q8_0,
            QuantFormat.Q4_0, QuantFormat.Q4_1, QuantFormat.Q5_0, QuantFormat.Q5_1,
            QuantFormat.Q2_K, QuantFormat.Q3_K, QuantFormat.Q4_K, QuantFormat.Q5_K,
            QuantFormat.Q6_K, QuantFormat.IQ4_NL, QuantFormat.MXFP4));

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final float LARGEST_HALF = 65504;

    private final QuantFormat format;
    private final BlockEncoder encoder;

    /** @throws IllegalArgumentException for a format that is not among the {@link #targets} */
    public Quantizer(QuantFormat format) {
        this.format = format;
        this.encoder = format.blockElements() == 1 ? null : BlockEncoder.of(format);
    }

    /** The formats that floats can be turned into. */
    public static Set<QuantFormat> targets() {
        return TARGETS;
    }

    /**
     * Encodes {@code count} elements, a whole number of blocks.
     *
     * @param importance how much each element counts, from {@code importanceAt} on; null where all
     *                   are alike
     * @param offset     of the first byte in {@code out}
     * @throws QuantizationException if an element is not finite, or beyond what the format can hold
     */
    public void quantize(float[] x, int at, int count, float[] importance, int importanceAt,
            MemorySegment out, long offset) {
        if (count % format.blockElements() != 0) {
            throw new IllegalArgumentException("elements of " + format + " come in blocks of "
                    + format.blockElements() + ", got " + count);
        }
        check(x, at, count);
        switch (format) {
            case F32 -> MemorySegment.copy(x, at, out, FLOAT, offset, count);
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    out.set(SHORT, offset + 2L * i, Float.floatToFloat16(x[at + i]));
                }
            }
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    out.set(SHORT, offset + 2L * i, brainFloat(x[at + i]));
                }
            }
            default -> blocks(x, at, count, importance, importanceAt, out, offset);
        }
    }

    private void blocks(float[] x, int at, int count, float[] importance, int importanceAt,
            MemorySegment out, long offset) {
        for (int i = 0; i < count; i += format.blockElements()) {
            if (importance == null
                    || !encoder.weighByImportance(x, at + i, importance, importanceAt + i)) {
                encoder.weigh(x, at + i);
            }
            encoder.encode(x, at + i, out, offset);
            offset += format.blockBytes();
        }
    }

    /** The upper half of a float, rounded to the nearest, ties to even. */
    private static short brainFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
    }

    private void check(float[] x, int at, int count) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            // A NaN stays one through max.
            largest = Math.max(largest, Math.abs(x[at + i]));
        }
        boolean scaledByHalves = format != QuantFormat.F32 && format != QuantFormat.BF16
                && format != QuantFormat.MXFP4;
        if (!(largest <= Float.MAX_VALUE) || scaledByHalves && largest > LARGEST_HALF) {
            throw new QuantizationException(
                    "a weight is " + largest + ", which cannot be quantised to "
                            + format);
        }
    }
}
