package dev.millrace.engine.cpu;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Hands out the items of one parallel region in runs of consecutive ones, so that a worker that the
 * operating system held up delays the others by one run at most.
 */
final class WorkQueue {

    /** Runs per worker: few enough to keep reads long, enough to even out a slow core. */
    private static final int RUNS_PER_WORKER = 8;

    private final AtomicInteger next = new AtomicInteger();
    private int items;
    private int run;

    /** Starts over, before the region. */
    void reset(int items, int workers) {
        this.items = items;
        run = workers == 1 ? items : Math.ceilDiv(items, workers * RUNS_PER_WORKER);
        next.set(0);
    }

    /** As {@link #reset} for items that are worth being handed out one by one. */
    void resetSingly(int items) {
        this.items = items;
        run = 1;
        next.set(0);
    }

    /** The first item of a run that now belongs to the caller, or -1 if none are left. */
    int take() {
        int first = next.getAndAdd(run);
        return first < items ? first : -1;
    }

    /** One past the last item of the run that starts with {@code first}. */
    int end(int first) {
        return Math.min(first + run, items);
    }
}
