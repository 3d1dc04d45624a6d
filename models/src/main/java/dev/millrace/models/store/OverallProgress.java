package dev.millrace.models.store;

/** Shows the downloads of several files, one after the other, as one. */
final class OverallProgress implements PullListener {

    private final String label;
    private final long totalBytes;
    private final PullListener listener;
    private final long presentBytes;
    private final long startNanos = System.nanoTime();
    private long finishedBytes;

    /** @param presentBytes what earlier pulls left of the files */
    OverallProgress(String label, long totalBytes, long presentBytes, PullListener listener) {
        this.label = label;
        this.totalBytes = totalBytes;
        this.presentBytes = presentBytes;
        this.listener = listener;
    }

    /** Tells that a file is complete, however much of it there was to download. */
    void finished(long bytes) {
        finishedBytes += bytes;
    }

    @Override
    public void progress(PullProgress step) {
        long bytes = finishedBytes + step.bytes();
        long earlierBytes = Math.min(presentBytes, bytes);
        double seconds = Math.max(1e-3, (System.nanoTime() - startNanos) * 1e-9);
        listener.progress(new PullProgress(label, bytes, totalBytes,
                (bytes - earlierBytes) / seconds));
    }

    @Override
    public void notice(String message) {
        listener.notice(message);
    }

    @Override
    public void plan(PullPlan plan) {
        listener.plan(plan);
    }
}
