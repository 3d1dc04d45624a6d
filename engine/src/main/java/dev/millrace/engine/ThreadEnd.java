package dev.millrace.engine;

/** Waits for threads that were told to end, as whoever frees what they use has to. */
public final class ThreadEnd {

    private ThreadEnd() {}

    /** Returns when a thread has ended; an interrupt of the caller is kept for later. */
    public static void await(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
