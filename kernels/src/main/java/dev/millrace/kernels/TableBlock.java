package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Blocks whose nibbles select from a table of sixteen values: IQ4_NL and IQ4_XS, whose values lie
 * closer together around zero, and the four-bit floats of MXFP4 (OCP Microscaling Formats
 * Specification 1.0) and NVFP4.
 */
final class TableBlock extends QuantBlock {

    /** {@code kvalues_iq4nl} in ggml-common.h. */
    private static final byte[] UNEVEN = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38,
        53, 69, 89, 113};
    /** Twice what a sign, two bits of exponent and one of mantissa stand for; zero has no sign. */
    private static final byte[] FLOATS = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    private final byte[] values;
    /** Of each group, where they are no multiples of one number. */
    private final float[] groupScales = new float[groups()];

    TableBlock(QuantFormat format) {
        super(format, format == QuantFormat.NVFP4 ? 16 : 32, switch (format) {
            case IQ4_NL, NVFP4 -> Scales.HALVES;
            case MXFP4 -> Scales.BRAIN_FLOATS;
            default -> Scales.CODED;
        }, false, values(format));
        this.values = values(format);
        Arrays.fill(scaleCodes, (byte) 1);
    }

    private static byte[] values(QuantFormat format) {
        return switch (format) {
            case IQ4_NL, IQ4_XS -> UNEVEN;
            case MXFP4, NVFP4 -> FLOATS;
            default -> throw new IllegalArgumentException(format + " has no table of values");
        };
    }

    @Override
    public void read(MemorySegment data, long offset) {
        switch (format()) {
            case IQ4_NL -> {
                scale = LittleEndian.half(data, offset);
                readNibbles(data, offset + 2);
            }
            case IQ4_XS -> {
                scale = LittleEndian.half(data, offset);
                readScaleCodes(data, offset + 2);
                readNibbles(data, offset + 8);
            }
            case MXFP4 -> {
                scale = halfPowerOfTwo(LittleEndian.unsignedByte(data, offset));
                readNibbles(data, offset + 1);
            }
            default -> {
                for (int group = 0; group < groups(); group++) {
                    groupScales[group] = halfMicroscale(
                            LittleEndian.unsignedByte(data, offset + group));
                }
                readNibbles(data, offset + groups());
            }
        }
    }

    @Override
    public float groupScale(int group) {
        return format() == QuantFormat.NVFP4 ? groupScales[group] : super.groupScale(group);
    }

    /** Of each group the low nibbles are the first half, the high ones the rest. */
    private void readNibbles(MemorySegment data, long offset) {
        int half = groupElements() / 2;
        for (int i = 0; i < codes.length / 2; i++) {
            int pair = LittleEndian.unsignedByte(data, offset + i);
            int first = i / half * groupElements() + i % half;
            codes[first] = values[pair & 0xF];
            codes[first + half] = values[pair >> 4];
        }
    }

    /** Six bits around 32: two bytes with the upper pairs of bits, then nibbles. */
    private void readScaleCodes(MemorySegment data, long offset) {
        int upper = data.get(LittleEndian.SHORT, offset);
        for (int group = 0; group < groups(); group++) {
            int pair = LittleEndian.unsignedByte(data, offset + 2 + group / 2);
            int low = pair >> group % 2 * 4 & 0xF;
            int high = upper >> group * 2 & 3;
            scaleCodes[group] = (byte) ((low | high << 4) - 32);
        }
    }

    /** Half of a biased power of two, half because the values are twice as large. */
    private static float halfPowerOfTwo(int exponent) {
        int bits = exponent < 2 ? 0x00200000 << exponent : exponent - 1 << 23;
        return Float.intBitsToFloat(bits);
    }

    /** Half of a float of four bits of exponent and three of mantissa; its NaN counts as 0. */
    private static float halfMicroscale(int bits) {
        int exponent = bits >> 3 & 0xF;
        int mantissa = bits & 7;
        if (bits == 0x7F) {
            return 0;
        }
        return exponent == 0
                ? mantissa * 0x1p-10f
                : Math.scalb((float) (8 + mantissa), exponent - 11);
    }
}
