package dev.millrace.kernels;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory for tensors that are made while a model is loaded and packed soon after. It lives as long
 * as somebody holds it, so a kernel that computes on it in place keeps it.
 */
public final class ShortLivedMemory {

    private static final int ALIGNMENT_BYTES = 64;
    /** The heap is too small to need a collection while gigabytes outside of it wait for one. */
    private static final long COLLECTION_BYTES = 512L << 20;

    private static final AtomicLong BYTES_SINCE_COLLECTION = new AtomicLong();

    private ShortLivedMemory() {}

    /** Zeroed memory, aligned for any vector. */
    public static MemorySegment allocate(long bytes) {
        if (BYTES_SINCE_COLLECTION.addAndGet(bytes) > COLLECTION_BYTES) {
            BYTES_SINCE_COLLECTION.set(0);
            System.gc();
        }
        return Arena.ofAuto().allocate(bytes, ALIGNMENT_BYTES);
    }
}
