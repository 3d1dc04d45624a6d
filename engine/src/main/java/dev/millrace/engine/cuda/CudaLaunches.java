package dev.millrace.engine.cuda;

/** How kernels get to a device; each is faster than the one before, and computes the same bits. */
public enum CudaLaunches {
    /** With a call each, and each after the last has ended: for finding faults. */
    SINGLE,
    /** Captured steps with one call. */
    CAPTURED,
    /**
     * As captured, and kernels may begin before the last has ended, on devices of compute
     * capability 9.0 and later.
     */
    OVERLAPPED
}
