package dev.millrace.server.store;

import java.util.Map;
import java.util.Objects;

/**
 * A batch of a tenant.
 *
 * @param keyId         what it was asked for with; null where no key was needed
 * @param endpoint      of every row
 * @param outputSeconds how long the files of its results are kept; 0 for good
 * @param metadata      the client's, as a JSON object; null for none
 * @param runs          servers that have worked on it
 * @param model         of every row; null until they were read
 * @param errors        of its rows, as a JSON array; null for none
 * @param outputFileId  of answers; null before the first row, and where there are none
 * @param errorFileId   of errors; likewise
 * @param total         rows
 * @param counts        of its end; those of a running one are in its files
 * @param times         since 1970 in milliseconds, of everything that it came to be
 * @param expiresMillis what did not run by then does not run
 */
public record StoredBatch(String id, String tenant, String keyId, String endpoint,
        String inputFileId, long outputSeconds, String metadata, BatchStatus status, int runs,
        String model, String errors, String outputFileId, String errorFileId, long total,
        BatchCounts counts, Map<BatchStatus, Long> times, long expiresMillis) {

    public StoredBatch {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(tenant, "tenant");
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(inputFileId, "inputFileId");
        Objects.requireNonNull(status, "status");
        times = Map.copyOf(times);
    }

    /** A new one. */
    public static StoredBatch begin(String id, String tenant, String keyId, String endpoint,
            String inputFileId, long outputSeconds, String metadata, long nowMillis,
            long expiresMillis) {
        return new StoredBatch(id, tenant, keyId, endpoint, inputFileId, outputSeconds, metadata,
                BatchStatus.VALIDATING, 0, null, null, null, null, 0, BatchCounts.NONE,
                Map.of(BatchStatus.VALIDATING, nowMillis), expiresMillis);
    }

    /** When it was made, in milliseconds since 1970. */
    public long createdMillis() {
        return times.get(BatchStatus.VALIDATING);
    }
}
