package dev.millrace.kernels.quantize;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;

/** Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0: 32 elements, one scale, in two of them an offset. */
final class RoundEncoder extends BlockEncoder {

    private static final int ELEMENTS = 32;
    private static final int MOST_BYTE = 127;

    RoundEncoder(QuantFormat format) {
        super(format);
    }

    @Override
    void weigh(float[] x, int at) {
        weighByMagnitudes(x, at, ELEMENTS);
    }

    @Override
    void encode(float[] x, int at, MemorySegment out, long offset) {
        switch (format) {
            case Q8_0 -> encodeBytes(x, at, out, offset);
            case Q4_0 -> encodeSigned(x, at, 8, out, offset);
            case Q5_0 -> encodeSigned(x, at, 16, out, offset);
            case Q4_1 -> encodeRange(x, at, 15, out, offset);
            default -> encodeRange(x, at, 31, out, offset);
        }
    }

    private void encodeBytes(float[] x, int at, MemorySegment out, long offset) {
        float peak = 0;
        for (int i = 0; i < ELEMENTS; i++) {
            peak = Math.max(peak, Math.abs(x[at + i]));
        }
        float codesPerUnit = inverse(putHalf(out, offset, peak / MOST_BYTE));
        for (int i = 0; i < ELEMENTS; i++) {
            putByte(out, offset + 2 + i, GroupFit.nearest(x[at + i] * codesPerUnit, -MOST_BYTE,
                    MOST_BYTE));
        }
    }

    private void encodeSigned(float[] x, int at, int reach, MemorySegment out, long offset) {
        fit.fitSigned(x, at, ELEMENTS, weights, 0, reach);
        float codesPerUnit = inverse(putHalf(out, offset, fit.scale()));
        for (int i = 0; i < ELEMENTS; i++) {
            codes[i] = (byte) (GroupFit.nearest(x[at + i] * codesPerUnit, -reach, reach - 1)
                    + reach);
        }
        putCodes(out, offset + 2);
    }

    private void encodeRange(float[] x, int at, int most, MemorySegment out, long offset) {
        fit.fitRange(x, at, ELEMENTS, weights, 0, most, true);
        float codesPerUnit = inverse(putHalf(out, offset, fit.scale()));
        float low = putHalf(out, offset + 2, fit.offset());
        for (int i = 0; i < ELEMENTS; i++) {
            codes[i] = (byte) GroupFit.nearest((x[at + i] - low) * codesPerUnit, 0, most);
        }
        putCodes(out, offset + 4);
    }

    /** Fifth bits if any, then nibbles: low ones the first half, high ones the rest. */
    private void putCodes(MemorySegment out, long offset) {
        long nibbles = offset;
        if (format == QuantFormat.Q5_0 || format == QuantFormat.Q5_1) {
            for (int octet = 0; octet < ELEMENTS / 8; octet++) {
                int bits = 0;
                for (int i = 0; i < 8; i++) {
                    bits |= (codes[8 * octet + i] >> 4 & 1) << i;
                }
                putByte(out, offset + octet, bits);
            }
            nibbles += ELEMENTS / 8;
        }
        for (int i = 0; i < ELEMENTS / 2; i++) {
            putByte(out, nibbles + i, codes[i] & 0xF | codes[i + ELEMENTS / 2] << 4);
        }
    }
}
