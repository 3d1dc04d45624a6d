package dev.millrace.server.store;

import dev.millrace.server.metering.LedgerException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Files of tenants: what is known of them in the database, their bytes in a folder beside it that
 * only this user may read, under names of our own. Safe to share between threads.
 */
public final class FileStore {

    /** Rows that one transaction removes: a writer behind it waits for no more. */
    private static final int REMOVED_AT_ONCE = 50;
    private static final String COLUMNS = "id, tenant, name, purpose, bytes, sha256, created_ms,"
            + " expires_ms";

    private final StoreDatabase database;
    private final Path folder;
    private final FileLimits limits;

    private FileStore(StoreDatabase database, Path folder, FileLimits limits) {
        this.database = database;
        this.folder = folder;
        this.limits = limits;
        database.hourly(this::removeExpired);
    }

    /**
     * Opens the files beside a ledger. What an end in the middle of something left is removed.
     *
     * @throws LedgerException if the folder cannot be made or read
     */
    public static FileStore open(StoreDatabase database, Path ledger, FileLimits limits) {
        Path absolute = ledger.toAbsolutePath();
        Path folder = absolute.resolveSibling(absolute.getFileName() + ".files");
        FileStore store = new FileStore(database, folder, limits);
        try {
            boolean posix = FileSystems.getDefault().supportedFileAttributeViews()
                    .contains("posix");
            Files.createDirectories(folder, posix
                    ? new FileAttribute<?>[]{PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------"))}
                    : new FileAttribute<?>[0]);
            store.removeStrays();
            return store;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LedgerException("interrupted while opening the folder of files", e);
        } catch (IOException e) {
            throw new LedgerException("cannot use the folder of files " + folder + ": "
                    + e.getMessage() + "; choose another ledger with --ledger", e);
        }
    }

    public FileLimits limits() {
        return limits;
    }

    /** An id that no file has. */
    public static String newId() {
        return "file-" + UUID.randomUUID().toString().replace("-", "");
    }

    /** Where the bytes of a file are. */
    public Path path(String id) {
        return folder.resolve(id);
    }

    /** Begins a file. @throws FileLimitException if the tenant may store no more */
    public IncomingFile receive(String tenant)
            throws IOException, FileLimitException, InterruptedException {
        long used = usedBytes(tenant);
        long left = limits.tenantBytes() - used;
        if (left <= 0) {
            throw FileLimitException.tenant(limits.tenantBytes(), used);
        }
        String id = newId();
        return new IncomingFile(id, tenant, path(id), Math.min(left, limits.fileBytes()),
                left < limits.fileBytes()
                        ? FileLimitException.tenant(limits.tenantBytes(), used)
                        : FileLimitException.file(limits.fileBytes()));
    }

    /**
     * Keeps a file that has arrived; when this returns it is on the disk.
     *
     * @param lifetime from now; empty for good
     * @throws FileLimitException if others that arrived meanwhile took its place
     */
    public StoredFile keep(IncomingFile incoming, String name, String purpose,
            Optional<Duration> lifetime)
            throws IOException, FileLimitException, InterruptedException {
        String sha256 = incoming.finish();
        long now = database.clock().millis();
        StoredFile file = new StoredFile(incoming.id(), incoming.tenant(), name, purpose,
                incoming.bytes(), sha256, now,
                lifetime.map(time -> now + time.toMillis()).orElse(0L));
        long used = database.write(connection -> {
            long before = usedBytes(connection, file.tenant());
            if (before + file.bytes() <= limits.tenantBytes()) {
                insert(connection, file);
            }
            return before;
        });
        if (used + file.bytes() > limits.tenantBytes()) {
            throw FileLimitException.tenant(limits.tenantBytes(), used);
        }
        incoming.kept();
        return file;
    }

    static void insert(Connection connection, StoredFile file) throws SQLException {
        Statements.update(connection, "INSERT INTO stored_file (" + COLUMNS
                + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)", file.id(), file.tenant(), file.name(),
                file.purpose(), file.bytes(), file.sha256(), file.createdMillis(),
                file.expiresMillis() == 0 ? null : file.expiresMillis());
    }

    /** What a tenant's files take. */
    public long usedBytes(String tenant) throws InterruptedException {
        return database.read(connection -> usedBytes(connection, tenant));
    }

    private static long usedBytes(Connection connection, String tenant) throws SQLException {
        return Statements.query(connection, "SELECT coalesce(sum(bytes), 0) FROM stored_file"
                + " WHERE tenant = ?", rows -> rows.getLong(1), tenant).getFirst();
    }

    /** A tenant's file; empty if there is none, or no longer. */
    public Optional<StoredFile> find(String tenant, String id) throws InterruptedException {
        return database.read(connection -> Statements.query(connection, "SELECT " + COLUMNS
                + " FROM stored_file WHERE id = ? AND tenant = ?"
                + " AND coalesce(expires_ms > ?, TRUE)", FileStore::file, id, tenant,
                database.clock().millis()).stream().findFirst());
    }

    /**
     * Some of a tenant's files.
     *
     * @param purpose   theirs; null for any
     * @param after     the last of those before; null for none
     * @param most      how many
     * @param ascending oldest first
     */
    public List<StoredFile> list(String tenant, String purpose, StoredFile after, int most,
            boolean ascending) throws InterruptedException {
        String order = ascending ? "ASC" : "DESC";
        String beyond = ascending ? ">" : "<";
        return database.read(connection -> Statements.query(connection, "SELECT " + COLUMNS
                + " FROM stored_file WHERE tenant = ? AND coalesce(expires_ms > ?, TRUE)"
                + " AND (? IS NULL OR purpose = ?)"
                + " AND (? IS NULL OR (created_ms, id) " + beyond + " (?, ?))"
                + " ORDER BY created_ms " + order + ", id " + order + " LIMIT ?", FileStore::file,
                tenant, database.clock().millis(), purpose, purpose,
                after == null ? null : after.id(), after == null ? 0 : after.createdMillis(),
                after == null ? "" : after.id(), most));
    }

    /** Reads a file's bytes. */
    public InputStream read(StoredFile file) throws IOException {
        return Files.newInputStream(path(file.id()));
    }

    /** Forgets a tenant's file. @return whether there was one */
    public boolean remove(String tenant, String id) throws IOException, InterruptedException {
        boolean removed = database.write(connection -> Statements.update(connection,
                "DELETE FROM stored_file WHERE id = ? AND tenant = ?", id, tenant) > 0);
        if (removed) {
            Files.deleteIfExists(path(id));
        }
        return removed;
    }

    /** Nobody sees them any more, so their bytes may go first; what a batch reads stays. */
    private boolean removeExpired(Connection connection) throws SQLException {
        List<String> ids = Statements.query(connection, "SELECT id FROM stored_file"
                + " WHERE expires_ms <= ? AND id NOT IN (SELECT input_file_id FROM batch"
                + " WHERE status IN " + BatchStore.UNENDED + ") LIMIT ?", rows -> rows.getString(1),
                database.clock().millis(), REMOVED_AT_ONCE);
        for (String id : ids) {
            try {
                Files.deleteIfExists(path(id));
            } catch (IOException e) {
                throw new LedgerException("cannot remove the file " + path(id) + ": "
                        + e.getMessage(), e);
            }
            Statements.update(connection, "DELETE FROM stored_file WHERE id = ?", id);
        }
        return ids.size() == REMOVED_AT_ONCE;
    }

    /** Bytes that no row is about: of uploads that never ended, of rows that are gone. */
    private void removeStrays() throws IOException, InterruptedException {
        Set<String> known = new HashSet<>(database.read(connection -> Statements.query(connection,
                "SELECT id FROM stored_file UNION SELECT output_file_id FROM batch"
                        + " UNION SELECT error_file_id FROM batch",
                rows -> rows.getString(1))));
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.startsWith("file-") && !known.contains(name)) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    private static StoredFile file(ResultSet rows) throws SQLException {
        return new StoredFile(rows.getString(1), rows.getString(2), rows.getString(3),
                rows.getString(4), rows.getLong(5), rows.getString(6), rows.getLong(7),
                rows.getLong(8));
    }
}
