package dev.millrace.kernels.quantize;

import dev.millrace.kernels.QuantFormat;
import java.lang.foreign.MemorySegment;

/** Q3_K and Q6_K: 256 elements around zero in groups of 16 with a signed scale of their own. */
final class SignedKEncoder extends BlockEncoder {

    private static final int ELEMENTS = 256;
    private static final int GROUP_ELEMENTS = 16;

    private final int reach;
    private final int scaleReach;
    private final float[] scales = new float[ELEMENTS / GROUP_ELEMENTS];
    private final byte[] scaleCodes = new byte[ELEMENTS / GROUP_ELEMENTS];

    SignedKEncoder(QuantFormat format) {
        super(format);
        boolean threeBits = format == QuantFormat.Q3_K;
        reach = threeBits ? 4 : 32;
        scaleReach = threeBits ? 32 : 128;
    }

    @Override
    void weigh(float[] x, int at) {
        weighBySquares(x, at);
    }

    @Override
    void encode(float[] x, int at, MemorySegment out, long offset) {
        fitGroups(x, at);
        float scale = putHalf(out, offset + format.blockBytes() - Short.BYTES, blockScale());
        float codesPerScale = inverse(scale);
        for (int group = 0; group < scales.length; group++) {
            int scaleCode = GroupFit.nearest(scales[group] * codesPerScale, -scaleReach,
                    scaleReach - 1);
            scaleCodes[group] = (byte) scaleCode;
            float codesPerUnit = inverse(scale * scaleCode);
            for (int i = group * GROUP_ELEMENTS; i < (group + 1) * GROUP_ELEMENTS; i++) {
                codes[i] = (byte) (GroupFit.nearest(x[at + i] * codesPerUnit, -reach, reach - 1)
                        + reach);
            }
        }
        if (format == QuantFormat.Q3_K) {
            putThreeBits(out, offset);
        } else {
            putSixBits(out, offset);
        }
    }

    private void fitGroups(float[] x, int at) {
        for (int group = 0; group < scales.length; group++) {
            int first = group * GROUP_ELEMENTS;
            fit.fitSigned(x, at + first, GROUP_ELEMENTS, weights, first, reach);
            scales[group] = fit.scale();
        }
    }

    /** The largest scale gets the code that has no opposite. */
    private float blockScale() {
        float peak = 0;
        for (float scale : scales) {
            if (Math.abs(scale) > Math.abs(peak)) {
                peak = scale;
            }
        }
        return peak == 0 ? 0 : peak / -scaleReach;
    }

    /** Third bits, bit e for the elements from 32 e on; lower two bits; six bits of scale each. */
    private void putThreeBits(MemorySegment out, long offset) {
        for (int i = 0; i < 32; i++) {
            int bits = 0;
            for (int eighth = 0; eighth < 8; eighth++) {
                bits |= (codes[32 * eighth + i] >> 2) << eighth;
            }
            putByte(out, offset + i, bits);
        }
        RangedKEncoder.putPairsOfBits(codes, out, offset + 32);
        for (int i = 0; i < 8; i++) {
            putByte(out, offset + 96 + i, (scaleCodes[i] + scaleReach & 0xF)
                    | (scaleCodes[i + 8] + scaleReach & 0xF) << 4);
        }
        for (int i = 0; i < 4; i++) {
            int bits = 0;
            for (int quarter = 0; quarter < 4; quarter++) {
                bits |= (scaleCodes[4 * quarter + i] + scaleReach >> 4) << 2 * quarter;
            }
            putByte(out, offset + 104 + i, bits);
        }
    }

    /** 128 bytes of low nibbles, 64 of high pairs of bits, 16 signed scales. */
    private void putSixBits(MemorySegment out, long offset) {
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 32; i++) {
                int first = 128 * half + i;
                putByte(out, offset + 64 * half + i,
                        codes[first] & 0xF | codes[first + 64] << 4);
                putByte(out, offset + 64 * half + 32 + i,
                        codes[first + 32] & 0xF | codes[first + 96] << 4);
                putByte(out, offset + 128 + 32 * half + i, codes[first] >> 4
                        | codes[first + 32] >> 4 << 2 | codes[first + 64] >> 4 << 4
                        | codes[first + 96] >> 4 << 6);
            }
        }
        for (int group = 0; group < scaleCodes.length; group++) {
            putByte(out, offset + 192 + group, scaleCodes[group]);
        }
    }
}
