package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Blocks of 32 rounded elements under one half-precision scale, and over one half-precision offset
 * in Q4_1 and Q5_1: the formats of four, five and eight bits.
 */
final class RoundBlock extends QuantBlock {

    private static final int ELEMENTS = 32;
    private static final byte[] AROUND_ZERO = {-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6,
        7};
    private static final byte[] FROM_ZERO = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

    RoundBlock(QuantFormat format) {
        super(format, ELEMENTS, Scales.HALVES,
                format == QuantFormat.Q4_1 || format == QuantFormat.Q5_1, codebook(format));
        scaleCodes[0] = 1;
        minCodes[0] = (byte) (hasMinimums() ? 1 : 0);
    }

    private static byte[] codebook(QuantFormat format) {
        return switch (format) {
            case Q4_0 -> AROUND_ZERO;
            case Q4_1 -> FROM_ZERO;
            default -> new byte[0];
        };
    }

    @Override
    public void read(MemorySegment data, long offset) {
        scale = LittleEndian.half(data, offset);
        if (hasMinimums()) {
            // The formats add it.
            minScale = -LittleEndian.half(data, offset + 2);
        }
        switch (format()) {
            case Q4_0 -> readNibbles(data, offset + 2, -8);
            case Q4_1 -> readNibbles(data, offset + 4, 0);
            case Q5_0 -> {
                readNibbles(data, offset + 6, -16);
                addFifthBits(data.get(LittleEndian.INT, offset + 2));
            }
            case Q5_1 -> {
                readNibbles(data, offset + 8, 0);
                addFifthBits(data.get(LittleEndian.INT, offset + 4));
            }
            case Q8_0 -> MemorySegment.copy(data, ValueLayout.JAVA_BYTE, offset + 2, codes, 0,
                    ELEMENTS);
            default -> throw new IllegalStateException(format() + " has no rounded elements");
        }
    }

    /** The low nibbles are the first sixteen elements, the high ones the rest. */
    private void readNibbles(MemorySegment data, long offset, int zero) {
        for (int i = 0; i < ELEMENTS / 2; i++) {
            int pair = LittleEndian.unsignedByte(data, offset + i);
            codes[i] = (byte) ((pair & 0xF) + zero);
            codes[i + ELEMENTS / 2] = (byte) ((pair >> 4) + zero);
        }
    }

    private void addFifthBits(int bits) {
        for (int i = 0; i < ELEMENTS; i++) {
            codes[i] += (byte) ((bits >>> i & 1) << 4);
        }
    }
}
