package dev.millrace.kernels.quantize;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Encodes single blocks of one format. An instance holds buffers: one per thread. */
abstract sealed class BlockEncoder permits RoundEncoder, RangedKEncoder, SignedKEncoder,
        TableEncoder {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    final QuantFormat format;
    final GroupFit fit = new GroupFit();
    /** How much each element of the block counts. */
    final float[] weights;
    final byte[] codes;

    BlockEncoder(QuantFormat format) {
        this.format = format;
        this.weights = new float[format.blockElements()];
        this.codes = new byte[format.blockElements()];
    }

    /** @throws IllegalArgumentException for a format that nothing is quantised to */
    static BlockEncoder of(QuantFormat format) {
        return switch (format) {
            case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 -> new RoundEncoder(format);
            case Q2_K, Q4_K, Q5_K -> new RangedKEncoder(format);
            case Q3_K, Q6_K -> new SignedKEncoder(format);
            case IQ4_NL, MXFP4 -> new TableEncoder(format);
            default -> throw new IllegalArgumentException("nothing is quantised to " + format);
        };
    }

    /** Encodes {@code format.blockElements()} elements whose {@link #weights} are set. */
    abstract void encode(float[] x, int at, MemorySegment out, long offset);

    /** How much elements count where nobody says: larger ones more. */
    abstract void weigh(float[] x, int at);

    /** Squares: what is large in a group of either sign matters most. */
    final void weighBySquares(float[] x, int at) {
        for (int i = 0; i < weights.length; i++) {
            weights[i] = x[at + i] * x[at + i];
        }
    }

    /** Magnitudes over the usual one of their group: what is small still counts. */
    final void weighByMagnitudes(float[] x, int at, int groupElements) {
        for (int first = 0; first < weights.length; first += groupElements) {
            float squares = 0;
            for (int i = first; i < first + groupElements; i++) {
                squares += x[at + i] * x[at + i];
            }
            float usual = (float) Math.sqrt(squares / groupElements);
            for (int i = first; i < first + groupElements; i++) {
                weights[i] = usual + Math.abs(x[at + i]);
            }
        }
    }

    /** Weighs by importance, and within it by magnitude. @return whether anything counts */
    final boolean weighByImportance(float[] x, int at, float[] importance, int importanceAt) {
        float squares = 0;
        for (int i = 0; i < weights.length; i++) {
            squares += x[at + i] * x[at + i];
        }
        float usualSquare = squares / weights.length;
        float sum = 0;
        for (int i = 0; i < weights.length; i++) {
            weights[i] = importance[importanceAt + i]
                    * (float) Math.sqrt(usualSquare + x[at + i] * x[at + i]);
            sum += weights[i];
        }
        return sum > 0;
    }

    /** Writes a half-precision number and says what it became. */
    static float putHalf(MemorySegment out, long offset, float value) {
        short half = Float.floatToFloat16(value);
        out.set(SHORT, offset, half);
        return Float.float16ToFloat(half);
    }

    static void putByte(MemorySegment out, long offset, int value) {
        out.set(ValueLayout.JAVA_BYTE, offset, (byte) value);
    }

    static float inverse(float scale) {
        return scale == 0 ? 0 : 1 / scale;
    }
}
