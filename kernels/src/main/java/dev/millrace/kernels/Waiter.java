package dev.millrace.kernels;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * How one thread at a time waits for something that another will say within microseconds, usually.
 *
 * <p>First it spins: nothing is faster. Then it yields: where there are more threads than
 * processors, the one that is waited for gets to run. Then it parks until {@link #wake}.
 */
final class Waiter {

    /** A gap between two parallel regions of one step is shorter than this. */
    private static final long SPIN_NANOS = 20_000;
    /** A gap between two steps (sampling, planning) is usually shorter than this. */
    private static final long YIELD_NANOS = 200_000;
    /** Looks at the clock once in so many spins. */
    private static final int SPINS_PER_LOOK = 32;

    private volatile Thread parked;

    /**
     * Returns once the condition holds. An interrupt meanwhile stays pending but does not wake.
     */
    void await(BooleanSupplier condition) {
        if (spin(condition)) {
            return;
        }
        boolean interrupted = false;
        parked = Thread.currentThread();
        // Either this sees the condition, or whoever makes it true after this line sees the parked
        // thread: all of these accesses are volatile.
        while (!condition.getAsBoolean()) {
            LockSupport.park(this);
            interrupted |= Thread.interrupted();
        }
        parked = null;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean spin(BooleanSupplier condition) {
        long start = System.nanoTime();
        long waitedNanos = 0;
        while (waitedNanos < YIELD_NANOS) {
            for (int i = 0; i < SPINS_PER_LOOK; i++) {
                if (condition.getAsBoolean()) {
                    return true;
                }
                Thread.onSpinWait();
            }
            if (waitedNanos > SPIN_NANOS) {
                Thread.yield();
            }
            waitedNanos = System.nanoTime() - start;
        }
        return false;
    }

    /** Wakes the waiting thread if it has parked; call after making the condition true. */
    void wake() {
        Thread thread = parked;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }
}
