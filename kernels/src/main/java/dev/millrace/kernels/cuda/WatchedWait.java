package dev.millrace.kernels.cuda;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Waits for a device by asking it again and again, and has something looked after meanwhile: the
 * driver's own wait, which asks as often while it spins, has no end if the device waits for another
 * that is lost. In the thread that waits, so that nothing else uses the devices beside it.
 */
final class WatchedWait {

    /** Between two looks: they cost a microsecond or two for each device. */
    private static final long LOOK_NANOS = 1_000_000;
    /** From then on, as in long prompts, the processor is left to others between two questions. */
    private static final long SPIN_NANOS = 20_000_000;
    private static final long PAUSE_NANOS = 50_000;

    private WatchedWait() {}

    /** @param look throws to end the wait */
    static void until(BooleanSupplier done, Runnable look) {
        long start = System.nanoTime();
        long looked = start;
        while (!done.getAsBoolean()) {
            long now = System.nanoTime();
            if (now - looked >= LOOK_NANOS) {
                look.run();
                looked = now;
            }
            if (now - start < SPIN_NANOS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }
}
