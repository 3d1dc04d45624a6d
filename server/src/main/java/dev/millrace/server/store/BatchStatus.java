package dev.millrace.server.store;

import java.util.Locale;

/** What becomes of a batch, in OpenAI's words. */
public enum BatchStatus {
    /** Its rows are being read. */
    VALIDATING(false),
    /** Some of its rows cannot be read, or nothing may run it any more. */
    FAILED(true),
    /** Its rows run. */
    IN_PROGRESS(false),
    /** All rows have ended; the files of their results are being closed. */
    FINALIZING(false),
    COMPLETED(true),
    /** Its time was over before all of its rows had run. */
    EXPIRED(true),
    /** Somebody does not want it any more. */
    CANCELLING(false),
    CANCELLED(true);

    private final boolean end;

    BatchStatus(boolean end) {
        this.end = end;
    }

    /** Whether nothing becomes of it any more. */
    public boolean isEnd() {
        return end;
    }

    /** OpenAI's word. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static BatchStatus ofWord(String word) {
        return valueOf(word.toUpperCase(Locale.ROOT));
    }
}
