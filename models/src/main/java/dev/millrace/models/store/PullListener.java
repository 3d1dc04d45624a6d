package dev.millrace.models.store;

/** Whoever watches a pull; called on the pulling thread, several times a second. */
public interface PullListener {

    /** For pulls that nobody watches. */
    PullListener SILENT = new PullListener() {
        @Override
        public void progress(PullProgress progress) {
            // Nobody watches.
        }

        @Override
        public void notice(String message) {
            // Nobody watches.
        }
    };

    void progress(PullProgress progress);

    /** Something worth a line: a retry, a resumed download, waiting for another pull. */
    void notice(String message);

    /** What will come, before any of it does. */
    default void plan(PullPlan plan) {
        // Most watchers want the progress only.
    }
}
