package dev.millrace.kernels.cpu;

import dev.millrace.kernels.QuantFormat;
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

    /** @param arena whose end frees the table */
    NibbleTable(QuantFormat format, Arena arena) {
        memory = arena.allocate(FLOATS_OFFSET + ENTRIES * Float.BYTES,
                PackedLayout.ALIGNMENT_BYTES);
        for (int nibble = ENTRIES - 1; nibble >= 0; nibble--) {
            int code = switch (format) {
                case Q4_0 -> nibble - 8;
                case Q2_K, Q4_K -> nibble;
                case IQ2_XXS -> latticeCode(nibble);
                default -> throw new IllegalStateException(format + " does not fit into nibbles");
            };
            nibbles[code & 0xFF] = (byte) nibble;
            memory.set(ValueLayout.JAVA_BYTE, nibble, (byte) code);
            memory.set(RawMemory.FLOAT, FLOATS_OFFSET + nibble * Float.BYTES, code);
        }
    }

    /** Coordinates of the lattice are 8, 25 or 43; the third bit is the sign. */
    private static int latticeCode(int nibble) {
        int magnitude = switch (nibble & 3) {
            case 0 -> 8;
            case 1 -> 25;
            default -> 43;
        };
        return (nibble & 4) == 0 ? magnitude : -magnitude;
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
