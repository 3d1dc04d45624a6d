package dev.millrace.kernels.quantize;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;

/** Q2_K, Q4_K and Q5_K: 256 elements in groups with a scale and a minimum of their own. */
final class RangedKEncoder extends BlockEncoder {

    private static final int ELEMENTS = 256;

    private final int groupElements;
    private final int mostCode;
    private final int mostScaleCode;
    private final float[] scales;
    private final float[] minimums;
    private final byte[] scaleCodes;
    private final byte[] minCodes;
    private float scale;
    private float minScale;

    RangedKEncoder(QuantFormat format) {
        super(format);
        boolean twoBits = format == QuantFormat.Q2_K;
        groupElements = twoBits ? 16 : 32;
        mostScaleCode = twoBits ? 15 : 63;
        mostCode = twoBits ? 3 : format == QuantFormat.Q4_K ? 15 : 31;
        int groups = ELEMENTS / groupElements;
        scales = new float[groups];
        minimums = new float[groups];
        scaleCodes = new byte[groups];
        minCodes = new byte[groups];
    }

    @Override
    void weigh(float[] x, int at) {
        weighByMagnitudes(x, at, groupElements);
    }

    @Override
    void encode(float[] x, int at, MemorySegment out, long offset) {
        fitGroups(x, at);
        boolean twoBits = format == QuantFormat.Q2_K;
        long factors = offset + (twoBits ? 80 : 0);
        scale = codeScales(scales, scaleCodes, out, factors);
        minScale = codeScales(minimums, minCodes, out, factors + 2);
        codeElements(x, at);
        if (twoBits) {
            for (int group = 0; group < scaleCodes.length; group++) {
                putByte(out, offset + group, scaleCodes[group] | minCodes[group] << 4);
            }
            putPairsOfBits(codes, out, offset + 16);
        } else {
            putSixBits(out, offset + 4);
            boolean fiveBits = format == QuantFormat.Q5_K;
            if (fiveBits) {
                putFifthBits(out, offset + 16);
            }
            putNibbles(out, offset + (fiveBits ? 48 : 16));
        }
    }

    private void fitGroups(float[] x, int at) {
        for (int group = 0; group < scales.length; group++) {
            int first = group * groupElements;
            fit.fitRange(x, at + first, groupElements, weights, first, mostCode, false);
            scales[group] = fit.scale();
            minimums[group] = -fit.offset();
        }
    }

    /** Writes the block's factor and takes the groups' in units of it. */
    private float codeScales(float[] groupScales, byte[] target, MemorySegment out, long offset) {
        float largest = 0;
        for (float each : groupScales) {
            largest = Math.max(largest, each);
        }
        float factor = putHalf(out, offset, largest / mostScaleCode);
        float codesPerUnit = inverse(factor);
        for (int group = 0; group < target.length; group++) {
            target[group] = (byte) GroupFit.nearest(groupScales[group] * codesPerUnit, 0,
                    mostScaleCode);
        }
        return factor;
    }

    private void codeElements(float[] x, int at) {
        for (int group = 0; group < scaleCodes.length; group++) {
            float codesPerUnit = inverse(scale * scaleCodes[group]);
            float minimum = minScale * minCodes[group];
            for (int i = group * groupElements; i < (group + 1) * groupElements; i++) {
                codes[i] = (byte) GroupFit.nearest((x[at + i] + minimum) * codesPerUnit, 0,
                        mostCode);
            }
        }
    }

    /** Each 32 bytes hold 128 elements, the first 32 in their lowest bits. */
    static void putPairsOfBits(byte[] codes, MemorySegment out, long offset) {
        for (int i = 0; i < ELEMENTS / 4; i++) {
            int first = i / 32 * 128 + i % 32;
            putByte(out, offset + i, codes[first] & 3 | (codes[first + 32] & 3) << 2
                    | (codes[first + 64] & 3) << 4 | codes[first + 96] << 6);
        }
    }

    /** Eight scales and minimums in 12 bytes; the upper two bits of the last four come apart. */
    private void putSixBits(MemorySegment out, long offset) {
        for (int group = 0; group < 4; group++) {
            int lateScale = scaleCodes[group + 4];
            int lateMin = minCodes[group + 4];
            putByte(out, offset + group, scaleCodes[group] | lateScale >> 4 << 6);
            putByte(out, offset + 4 + group, minCodes[group] | lateMin >> 4 << 6);
            putByte(out, offset + 8 + group, lateScale & 0xF | lateMin << 4);
        }
    }

    private void putFifthBits(MemorySegment out, long offset) {
        for (int i = 0; i < 32; i++) {
            int bits = 0;
            for (int group = 0; group < 8; group++) {
                bits |= (codes[32 * group + i] >> 4) << group;
            }
            putByte(out, offset + i, bits);
        }
    }

    /** Of every 64 elements the low nibbles are the first 32, the high ones the rest. */
    private void putNibbles(MemorySegment out, long offset) {
        for (int i = 0; i < ELEMENTS / 2; i++) {
            int first = i / 32 * 64 + i % 32;
            putByte(out, offset + i, codes[first] & 0xF | codes[first + 32] << 4);
        }
    }
}
