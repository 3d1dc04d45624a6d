package dev.millrace.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Blocks of 32 rounded elements under one half-precision scale: Q4_0 and Q8_0. */
final class RoundBlock extends QuantBlock {

    private static final int ELEMENTS = 32;
    private static final int CODES = 2;

    RoundBlock(QuantFormat format) {
        super(format, ELEMENTS, false);
        scaleCodes[0] = 1;
    }

    @Override
    public void read(MemorySegment data, long offset) {
        scale = LittleEndian.half(data, offset);
        if (format() == QuantFormat.Q8_0) {
            MemorySegment.copy(data, ValueLayout.JAVA_BYTE, offset + CODES, codes, 0, ELEMENTS);
        } else {
            readNibbles(data, offset + CODES);
        }
    }

    /** The low nibbles are the first sixteen elements, the high ones the rest; 8 stands for 0. */
    private void readNibbles(MemorySegment data, long offset) {
        for (int i = 0; i < ELEMENTS / 2; i++) {
            int pair = LittleEndian.unsignedByte(data, offset + i);
            codes[i] = (byte) ((pair & 0xF) - 8);
            codes[i + ELEMENTS / 2] = (byte) ((pair >> 4) - 8);
        }
    }
}
