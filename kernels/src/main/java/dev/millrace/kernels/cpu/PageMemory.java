package dev.millrace.kernels.cpu;

import java.lang.foreign.Arena;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Memory off the heap for weights and caches, in large pages where the system gives them.
 *
 * <p>Pages of 4 KiB cost more than what they hold: the system clears them at about 2 GB/s a
 * processor, large ones at 10 GB/s or more, and a kernel that streams through memory stumbles at
 * the end of each. Large pages need runs of 2 MiB, so what is smaller is cut from a shared chunk.
 */
final class PageMemory implements AutoCloseable {

    static final long ALIGNMENT_BYTES = 64;

    /** Pieces of at least this size get memory of their own. */
    private static final long LARGE_BYTES = 4L << 20;
    private static final long CHUNK_BYTES = 32L << 20;
    /** Pages that are asked for at once; close waits for them. */
    private static final long PIECE_BYTES = 16L << 20;

    /** Where the next small piece is cut from; guarded by the class. */
    private static Chunk current;

    private final Chunk chunk;
    private final long address;
    private final long bytes;
    private boolean closed;

    /** Memory that pieces are cut from, freed with the last of them. */
    private static final class Chunk {
        private final Arena arena;
        private final LinuxPages.Region region;
        private final long address;
        private final long bytes;
        private long top;
        private int pieces;

        Chunk(long bytes) {
            this.bytes = bytes;
            if (LinuxPages.AVAILABLE) {
                arena = null;
                region = LinuxPages.map(bytes);
                address = region.begin();
            } else {
                arena = Arena.ofShared();
                region = null;
                address = arena.allocate(bytes, ALIGNMENT_BYTES).address();
            }
        }

        boolean holds(long moreBytes) {
            return moreBytes <= bytes - top;
        }

        long cut(long pieceBytes) {
            long begin = address + top;
            top += align(pieceBytes);
            pieces++;
            return begin;
        }

        /** Takes a piece back; the one that was cut last makes room again, zeros as before. */
        void takeBack(long begin, long pieceBytes) {
            pieces--;
            if (pieces > 0 && begin + align(pieceBytes) == address + top) {
                top = begin - address;
                RawMemory.clear(begin, pieceBytes);
            }
        }

        void free() {
            if (region != null) {
                LinuxPages.unmap(region);
            } else {
                arena.close();
            }
        }
    }

    private PageMemory(Chunk chunk, long bytes) {
        this.chunk = chunk;
        this.bytes = bytes;
        this.address = chunk.cut(bytes);
    }

    /**
     * Memory of zeros. Pages are given when they are first written to, so that threads which fill
     * it together also clear it together.
     *
     * @throws OutOfMemoryError if there is none
     */
    static PageMemory allocate(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("memory of " + bytes + " bytes");
        }
        if (bytes >= LARGE_BYTES) {
            return new PageMemory(new Chunk(align(bytes)), bytes);
        }
        synchronized (PageMemory.class) {
            if (current == null || !current.holds(align(bytes))) {
                current = new Chunk(CHUNK_BYTES);
            }
            return new PageMemory(current, bytes);
        }
    }

    private static long align(long bytes) {
        return Math.addExact(bytes, ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    }

    /** Aligned to {@link #ALIGNMENT_BYTES}. */
    long address() {
        return address;
    }

    long bytes() {
        return bytes;
    }

    /**
     * Gets the pages that nothing was written to yet, so that what was promised is there. Others
     * may use the memory meanwhile. Does nothing where pages are there from the beginning, or where
     * the system cannot do this: there they come when they are written to.
     *
     * @param stop asked every few milliseconds; pages that are missing then stay missing
     */
    void makeResident(BooleanSupplier stop) {
        if (chunk.region == null || bytes < LARGE_BYTES) {
            return;
        }
        long end = chunk.region.begin() + chunk.region.bytes();
        for (long piece = address; piece < end && !stop.getAsBoolean(); piece += PIECE_BYTES) {
            long startNanos = System.nanoTime();
            if (!LinuxPages.populate(piece, Math.min(PIECE_BYTES, end - piece))) {
                return;
            }
            // Half of a processor is left to others.
            LockSupport.parkNanos(System.nanoTime() - startNanos);
        }
    }

    /** Frees it; nothing may be using it. */
    @Override
    public void close() {
        boolean last;
        synchronized (PageMemory.class) {
            if (closed) {
                return;
            }
            closed = true;
            chunk.takeBack(address, bytes);
            last = chunk.pieces == 0;
            if (last && chunk == current) {
                current = null;
            }
        }
        if (last) {
            chunk.free();
        }
    }
}
