package dev.millrace.kernels.cpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/** Pages straight from Linux, which can be asked for large ones. */
final class LinuxPages {

    static final boolean AVAILABLE = "Linux".equals(System.getProperty("os.name"));

    private static final long LARGE_PAGE_BYTES = 2L << 20;
    private static final int READ_WRITE = 3;
    private static final int PRIVATE_ANONYMOUS = 0x22;
    private static final int ADVICE_LARGE_PAGES = 14;
    private static final int ADVICE_POPULATE_WRITE = 23;
    private static final long FAILED = -1;

    // Constants, or every call would cost ten times as much.
    private static final MethodHandle MAP = function("mmap", FunctionDescriptor.of(JAVA_LONG,
            JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle UNMAP = function("munmap",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle ADVISE = function("madvise",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));

    private LinuxPages() {}

    /**
     * @param mapped      address of what was mapped
     * @param mappedBytes of it
     * @param begin       first large page in it
     * @param bytes       usable from there on
     */
    record Region(long mapped, long mappedBytes, long begin, long bytes) {}

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, FunctionDescriptor type) {
        if (!AVAILABLE) {
            return null;
        }
        Linker linker = Linker.nativeLinker();
        MemorySegment symbol = linker.defaultLookup().findOrThrow(name);
        return linker.downcallHandle(symbol, type);
    }

    /**
     * Memory that begins at a large page and consists of them as far as the system has any; none is
     * given before it is written to.
     *
     * @throws OutOfMemoryError if the system refuses
     */
    static Region map(long bytes) {
        long usable = Math.addExact(bytes, LARGE_PAGE_BYTES - 1) & -LARGE_PAGE_BYTES;
        long mappedBytes = Math.addExact(usable, LARGE_PAGE_BYTES);
        long mapped;
        try {
            mapped = (long) MAP.invokeExact(0L, mappedBytes, READ_WRITE, PRIVATE_ANONYMOUS, -1,
                    0L);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        if (mapped == FAILED) {
            throw new OutOfMemoryError("the system refuses " + bytes + " bytes of memory");
        }
        long begin = mapped + LARGE_PAGE_BYTES - 1 & -LARGE_PAGE_BYTES;
        advise(begin, usable, ADVICE_LARGE_PAGES); // without them it works too
        return new Region(mapped, mappedBytes, begin, usable);
    }

    /**
     * Gets pages before something is written to them, and leaves alone those that are there; false
     * if this Linux (before 5.14) cannot or has too few.
     */
    static boolean populate(long address, long bytes) {
        return advise(address, bytes, ADVICE_POPULATE_WRITE);
    }

    static void unmap(Region region) {
        int result;
        try {
            result = (int) UNMAP.invokeExact(region.mapped, region.mappedBytes);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        if (result != 0) {
            throw new IllegalStateException("memory could not be given back");
        }
    }

    private static boolean advise(long address, long bytes, int advice) {
        try {
            return (int) ADVISE.invokeExact(address, bytes, advice) == 0;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** These functions throw nothing; what comes here is the JVM's own. */
    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a call of the system failed", e);
    }
}
