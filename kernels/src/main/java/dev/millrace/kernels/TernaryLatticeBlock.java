package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;

/**
 * Blocks of 256 elements that are drawn, eight at a time, from a table of points of -1, 0 and 1,
 * all eight of them moved up or down by an eighth: IQ1_S and IQ1_M. Codes count eighths; a group's
 * scale is an odd number in units of the block's.
 */
final class TernaryLatticeBlock extends QuantBlock {

    private static final int POINTS = 32;
    private static final int POINT_ELEMENTS = 8;

    private final byte[] points = LatticePoints.IQ1.elements();

    TernaryLatticeBlock(QuantFormat format) {
        super(format, format == QuantFormat.IQ1_S ? 32 : 16, Scales.CODED, false,
                (byte) -9, (byte) -7, (byte) -1, (byte) 1, (byte) 7, (byte) 9);
    }

    @Override
    public void read(MemorySegment data, long offset) {
        if (format() == QuantFormat.IQ1_S) {
            readGroups(data, offset);
        } else {
            readNibbles(data, offset);
        }
    }

    /**
     * The factor, low bytes of the indices, and for 32 elements two bytes: four times three upper
     * bits of the indices, three bits of the scale, the direction.
     */
    private void readGroups(MemorySegment data, long offset) {
        scale = LittleEndian.half(data, offset) * 0.125f;
        for (int point = 0; point < POINTS; point++) {
            int word = data.get(LittleEndian.SHORT, offset + 34 + point / 4 * 2L);
            int index = LittleEndian.unsignedByte(data, offset + 2 + point)
                    | (word >> point % 4 * 3 & 7) << 8;
            copyPoint(point, index, (word & 0x8000) != 0);
            scaleCodes[point / 4] = (byte) (2 * (word >> 12 & 7) + 1);
        }
    }

    /**
     * Low bytes of the indices; for each a nibble: three upper bits and the direction; four times
     * two bytes: four scales of three bits and a quarter of the factor.
     */
    private void readNibbles(MemorySegment data, long offset) {
        int half = 0;
        for (int word = 0; word < 4; word++) {
            int bits = data.get(LittleEndian.SHORT, offset + 48 + word * 2L);
            for (int i = 0; i < 4; i++) {
                scaleCodes[word * 4 + i] = (byte) (2 * (bits >> i * 3 & 7) + 1);
            }
            half |= (bits >> 12 & 0xF) << word * 4;
        }
        scale = Float.float16ToFloat((short) half) * 0.125f;
        for (int point = 0; point < POINTS; point++) {
            int pair = LittleEndian.unsignedByte(data, offset + 32 + point / 2);
            int nibble = pair >> point % 2 * 4;
            int index = LittleEndian.unsignedByte(data, offset + point) | (nibble & 7) << 8;
            copyPoint(point, index, (nibble & 8) != 0);
        }
    }

    private void copyPoint(int point, int index, boolean down) {
        for (int i = 0; i < POINT_ELEMENTS; i++) {
            int eighths = points[index * POINT_ELEMENTS + i] * 8;
            codes[point * POINT_ELEMENTS + i] = (byte) (down ? eighths - 1 : eighths + 1);
        }
    }
}
