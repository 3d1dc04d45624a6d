package dev.millrace.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The sixteen codes that nibbles of a format stand for, and the way back. */
final class NibbleTable {

    static final int ENTRIES = 16;
    /** From the table's address, where the codes are bytes, to where they are floats. */
    static final int FLOATS_OFFSET = 64;

    private final byte[] nibbles = new byte[256];
    private final MemorySegment memory;

    /**
     * Gives each code a nibble.
     *
     * @param codes at most sixteen; the first of equal ones is used
     */
    NibbleTable(byte[] codes) {
        memory = Arena.ofAuto().allocate(FLOATS_OFFSET + ENTRIES * Float.BYTES,
                PackedLayout.ALIGNMENT_BYTES);
        for (int nibble = codes.length - 1; nibble >= 0; nibble--) {
            nibbles[codes[nibble] & 0xFF] = (byte) nibble;
            memory.set(ValueLayout.JAVA_BYTE, nibble, codes[nibble]);
            memory.set(RawMemory.FLOAT, FLOATS_OFFSET + nibble * Float.BYTES, codes[nibble]);
        }
    }

    /** Where the codes are, once as bytes and once as floats, in native memory. */
    long address() {
        return memory.address();
    }

    /** The code that a nibble stands for. */
    byte code(int nibble) {
        return memory.get(ValueLayout.JAVA_BYTE, nibble);
    }

    /** The nibble that stands for a code. */
    int nibble(byte code) {
        return nibbles[code & 0xFF];
    }
}
