package dev.millrace.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Native memory by address.
 *
 * <p>A kernel that meets segments of several kinds (native, mapped, heap) is compiled for all of
 * them and runs at half speed or less from then on. So kernels see one segment only, the whole
 * address space, and addresses in it; bounds are checked once, where a tensor enters.
 */
final class RawMemory {

    @SuppressWarnings("restricted")
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

    static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private RawMemory() {}

    static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    static void clear(long address, long bytes) {
        ALL.asSlice(address, bytes).fill((byte) 0);
    }
}
