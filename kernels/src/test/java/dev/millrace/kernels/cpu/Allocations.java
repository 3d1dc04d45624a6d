package dev.millrace.kernels.cpu;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;

import static org.assertj.core.api.Assertions.assertThat;

/** Counts what the current thread allocates: a vector that the compiler boxes shows here. */
final class Allocations {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory
            .getThreadMXBean();
    private static final int CALLS = 100;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private Allocations() {}

    /** Calls until a hundred calls in a row allocate nothing; fails if that never happens. */
    static void assertNoneOnceWarm(Runnable call) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        long allocated;
        do {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) {
                call.run();
            }
            allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        } while (allocated > 0 && System.nanoTime() < deadline);
        assertThat(allocated).as("bytes in %d calls", CALLS).isZero();
    }
}
