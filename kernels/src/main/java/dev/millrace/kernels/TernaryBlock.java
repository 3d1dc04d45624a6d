package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Blocks of 256 elements that are -1, 0 or 1 times one half-precision scale: TQ1_0 with five
 * elements in a byte, TQ2_0 with four.
 */
final class TernaryBlock extends QuantBlock {

    /** All groups have the same scale. */
    private static final int GROUP_ELEMENTS = 32;

    TernaryBlock(QuantFormat format) {
        // Two bits can also say 2, which nobody writes.
        super(format, GROUP_ELEMENTS, Scales.CODED, false, (byte) -1, (byte) 0, (byte) 1, (byte) 2);
        Arrays.fill(scaleCodes, (byte) 1);
    }

    @Override
    public void read(MemorySegment data, long offset) {
        if (format() == QuantFormat.TQ1_0) {
            readDigits(data, offset, 32, 5, 0);
            readDigits(data, offset + 32, 16, 5, 160);
            readDigits(data, offset + 48, 4, 4, 240);
            scale = LittleEndian.half(data, offset + 52);
        } else {
            for (int i = 0; i < codes.length; i++) {
                int packed = LittleEndian.unsignedByte(data, offset + i / 128 * 32 + i % 32);
                codes[i] = (byte) ((packed >> i % 128 / 32 * 2 & 3) - 1);
            }
            scale = LittleEndian.half(data, offset + 64);
        }
    }

    /**
     * A byte is a fraction of 256 in base 3: its first digit is an element, its next digit another
     * one {@code bytes} further on.
     */
    private void readDigits(MemorySegment data, long offset, int bytes, int digits, int first) {
        for (int i = 0; i < bytes; i++) {
            int fraction = LittleEndian.unsignedByte(data, offset + i);
            for (int digit = 0; digit < digits; digit++) {
                codes[first + digit * bytes + i] = (byte) ((fraction * 3 >> 8) - 1);
                fraction = fraction * 3 & 0xFF;
            }
        }
    }
}
