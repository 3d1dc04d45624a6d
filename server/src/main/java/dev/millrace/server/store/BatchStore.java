package dev.millrace.server.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Batches of tenants. What their rows came to is in files until a batch ends, so that a row costs
 * the database nothing. Safe to share between threads.
 */
public final class BatchStore {

    private static final String COLUMNS = "id, tenant, key_id, endpoint, input_file_id,"
            + " output_seconds, metadata, status, runs, model, errors, output_file_id,"
            + " error_file_id, total, completed, failed, input_tokens, cached_tokens,"
            + " output_tokens, reasoning_tokens, cost_nano_usd, price_nano_usd, expires_ms";
    static final String UNENDED = Arrays.stream(BatchStatus.values())
            .filter(status -> !status.isEnd()).map(status -> "'" + status.word() + "'")
            .collect(Collectors.joining(", ", "(", ")"));

    private final StoreDatabase database;
    private final FileStore files;

    public BatchStore(StoreDatabase database, FileStore files) {
        this.database = database;
        this.files = files;
    }

    /** The files that batches read and write. */
    public FileStore files() {
        return files;
    }

    /** The time, as everything here is dated. */
    public long nowMillis() {
        return database.clock().millis();
    }

    /**
     * Adds a batch.
     *
     * @param most how many of a tenant's may not have ended
     * @return false if there are so many
     */
    public boolean add(StoredBatch batch, int most) throws InterruptedException {
        return database.write(connection -> {
            long others = Statements.query(connection, "SELECT count(*) FROM batch WHERE tenant = ?"
                    + " AND status IN " + UNENDED, rows -> rows.getLong(1), batch.tenant())
                    .getFirst();
            if (others >= most) {
                return false;
            }
            Statements.update(connection, "INSERT INTO batch (id, tenant, key_id, endpoint,"
                    + " input_file_id, output_seconds, metadata, status, created_ms, expires_ms)"
                    + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", batch.id(), batch.tenant(),
                    batch.keyId(), batch.endpoint(), batch.inputFileId(),
                    batch.outputSeconds() == 0 ? null : batch.outputSeconds(), batch.metadata(),
                    batch.status().word(), batch.createdMillis(), batch.expiresMillis());
            date(connection, batch.id(), batch.status(), batch.createdMillis());
            return true;
        });
    }

    /** A tenant's batch; empty if there is none. */
    public Optional<StoredBatch> find(String tenant, String id) throws InterruptedException {
        return database.read(connection -> batches(connection, "id = ? AND tenant = ?", id, tenant)
                .stream().findFirst());
    }

    /** Everybody's batches that have not ended, oldest first. */
    public List<StoredBatch> unended() throws InterruptedException {
        return database.read(connection -> batches(connection, "status IN " + UNENDED
                + " ORDER BY created_ms, id"));
    }

    /** Whether a batch that has not ended reads this file. */
    public boolean reads(String tenant, String fileId) throws InterruptedException {
        return database.read(connection -> !Statements.query(connection, "SELECT 1 FROM batch"
                + " WHERE tenant = ? AND input_file_id = ? AND status IN " + UNENDED + " LIMIT 1",
                rows -> rows.getInt(1), tenant, fileId).isEmpty());
    }

    /**
     * Some of a tenant's batches, newest first.
     *
     * @param after the last of those before; null for none
     */
    public List<StoredBatch> list(String tenant, StoredBatch after, int most)
            throws InterruptedException {
        return database.read(connection -> batches(connection, "tenant = ? AND (? IS NULL OR"
                + " (created_ms, id) < (?, ?)) ORDER BY created_ms DESC, id DESC LIMIT ?", tenant,
                after == null ? null : after.id(), after == null ? 0 : after.createdMillis(),
                after == null ? "" : after.id(), most));
    }

    /** Counts a server that works on a batch. @return the batch as it is now */
    public StoredBatch run(String id) throws InterruptedException {
        return database.write(connection -> {
            Statements.update(connection, "UPDATE batch SET runs = runs + 1 WHERE id = ?", id);
            return one(connection, id);
        });
    }

    /** The rows have been read and run from now on, unless somebody cancelled it meanwhile. */
    public StoredBatch progress(String id, String model, long total) throws InterruptedException {
        return database.write(connection -> {
            Statements.update(connection,
                    "UPDATE batch SET model = ?, total = ?, output_file_id = ?,"
                            + " error_file_id = ? WHERE id = ?",
                    model, total, FileStore.newId(),
                    FileStore.newId(), id);
            enter(connection, id, BatchStatus.IN_PROGRESS, "('validating')");
            return one(connection, id);
        });
    }

    /** All rows have ended, unless somebody cancelled it meanwhile. */
    public StoredBatch finalizing(String id) throws InterruptedException {
        return database.write(connection -> {
            enter(connection, id, BatchStatus.FINALIZING, "('in_progress')");
            return one(connection, id);
        });
    }

    /**
     * Wants a tenant's batch no more. One that ends already stays what it is.
     *
     * @return what it is now; empty if there is none
     */
    public Optional<StoredBatch> cancel(String tenant, String id) throws InterruptedException {
        return database.write(connection -> {
            if (batches(connection, "id = ? AND tenant = ?", id, tenant).isEmpty()) {
                return Optional.empty();
            }
            enter(connection, id, BatchStatus.CANCELLING, "('validating', 'in_progress')");
            return Optional.of(one(connection, id));
        });
    }

    /**
     * Ends a batch, and gives its tenant the files of its results that have something in them.
     *
     * @param errors why it failed, as a JSON array; null for none
     */
    public StoredBatch end(StoredBatch batch, BatchStatus status, String errors,
            BatchCounts counts) throws IOException, InterruptedException {
        Optional<StoredFile> output = result(batch, batch.outputFileId(), "output");
        Optional<StoredFile> error = result(batch, batch.errorFileId(), "error");
        StoredBatch ended = database.write(connection -> {
            for (StoredFile file : List.of(output, error).stream().flatMap(Optional::stream)
                    .toList()) {
                FileStore.insert(connection, file);
            }
            Statements.update(connection, "UPDATE batch SET errors = ?, output_file_id = ?,"
                    + " error_file_id = ?, completed = ?, failed = ?, input_tokens = ?,"
                    + " cached_tokens = ?, output_tokens = ?, reasoning_tokens = ?,"
                    + " cost_nano_usd = ?, price_nano_usd = ? WHERE id = ?", errors,
                    output.map(StoredFile::id).orElse(null),
                    error.map(StoredFile::id).orElse(null), counts.completed(), counts.failed(),
                    counts.inputTokens(), counts.cachedTokens(), counts.outputTokens(),
                    counts.reasoningTokens(), counts.costNanoUsd(), counts.priceNanoUsd(),
                    batch.id());
            enter(connection, batch.id(), status, UNENDED);
            return one(connection, batch.id());
        });
        removeEmpty(batch.outputFileId(), output);
        removeEmpty(batch.errorFileId(), error);
        return ended;
    }

    private Optional<StoredFile> result(StoredBatch batch, String id, String kind)
            throws IOException {
        if (id == null || !Files.exists(files.path(id)) || Files.size(files.path(id)) == 0) {
            return Optional.empty();
        }
        Path path = files.path(id);
        long now = nowMillis();
        return Optional.of(new StoredFile(id, batch.tenant(), batch.id() + "_" + kind + ".jsonl",
                "batch_output", Files.size(path), Sha256.of(path), now,
                batch.outputSeconds() == 0
                        ? 0
                        : now + Duration.ofSeconds(batch.outputSeconds()).toMillis()));
    }

    private void removeEmpty(String id, Optional<StoredFile> file) throws IOException {
        if (id != null && file.isEmpty()) {
            Files.deleteIfExists(files.path(id));
        }
    }

    private void enter(Connection connection, String id, BatchStatus status, String from)
            throws SQLException {
        if (Statements.update(connection, "UPDATE batch SET status = ? WHERE id = ? AND status IN "
                + from, status.word(), id) > 0) {
            date(connection, id, status, nowMillis());
        }
    }

    private static void date(Connection connection, String id, BatchStatus status, long millis)
            throws SQLException {
        Statements.update(connection, "INSERT OR IGNORE INTO batch_status (batch_id, status, at_ms)"
                + " VALUES (?, ?, ?)", id, status.word(), millis);
    }

    private static StoredBatch one(Connection connection, String id) throws SQLException {
        return batches(connection, "id = ?", id).getFirst();
    }

    private static List<StoredBatch> batches(Connection connection, String where,
            Object... values) throws SQLException {
        return Statements.query(connection, "SELECT " + COLUMNS + " FROM batch WHERE " + where,
                rows -> batch(connection, rows), values);
    }

    private static StoredBatch batch(Connection connection, ResultSet rows) throws SQLException {
        String id = rows.getString(1);
        Map<BatchStatus, Long> times = new EnumMap<>(BatchStatus.class);
        Statements.query(connection, "SELECT status, at_ms FROM batch_status WHERE batch_id = ?",
                time -> times.put(BatchStatus.ofWord(time.getString(1)), time.getLong(2)), id);
        return new StoredBatch(id, rows.getString(2), rows.getString(3), rows.getString(4),
                rows.getString(5), rows.getLong(6), rows.getString(7),
                BatchStatus.ofWord(rows.getString(8)), rows.getInt(9), rows.getString(10),
                rows.getString(11), rows.getString(12), rows.getString(13), rows.getLong(14),
                new BatchCounts(rows.getLong(15), rows.getLong(16), rows.getLong(17),
                        rows.getLong(18), rows.getLong(19), rows.getLong(20), rows.getLong(21),
                        rows.getLong(22)),
                times, rows.getLong(23));
    }
}
