package dev.millrace.models.store;

import java.time.Duration;

/**
 * How far a download is.
 *
 * @param label          what is being downloaded, for people
 * @param bytes          have arrived, those of an earlier try included
 * @param totalBytes     will arrive, or -1 if the server does not say
 * @param bytesPerSecond of this try
 */
public record PullProgress(String label, long bytes, long totalBytes, double bytesPerSecond) {

    /** What is left at this rate; null where that cannot be said. */
    public Duration remaining() {
        return totalBytes < 0 || bytesPerSecond <= 0
                ? null
                : Duration.ofSeconds(Math.round((totalBytes - bytes) / bytesPerSecond));
    }

    public boolean complete() {
        return bytes == totalBytes;
    }
}
