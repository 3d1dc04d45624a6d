package dev.millrace.server.metering;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.metering.rate.CostModel;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;

/**
 * The ledger on disk, as its one writer sees it: an SQLite database in WAL mode, so that readers
 * never wait. A commit is on the disk when {@link #append} returns. Not thread-safe.
 */
public final class UsageLedger implements AutoCloseable {

    private final Path file;
    private final LedgerLock lock;
    private final Connection connection;
    private long sessionId;
    private long epochId;

    private UsageLedger(Path file, LedgerLock lock, Connection connection) {
        this.file = file;
        this.lock = lock;
        this.connection = connection;
    }

    /** Where the ledger is unless somebody says otherwise: where Millrace keeps all it has. */
    public static Path defaultFile(Map<String, String> environment) {
        return ModelStore.root(environment).resolve("ledger.db");
    }

    /**
     * Opens the ledger for writing, creating or upgrading it.
     *
     * @throws LedgerException if another server writes it, a newer program wrote it, or it cannot
     *                         be read or written
     */
    public static UsageLedger open(Path file) {
        Path absolute = file.toAbsolutePath();
        LedgerDatabase.createFolder(absolute);
        LedgerLock lock = LedgerLock.take(absolute);
        try {
            return new UsageLedger(absolute, lock, LedgerDatabase.open(absolute));
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** The ledger's file. */
    public Path file() {
        return file;
    }

    /**
     * Begins a session: settles what the last one left (see {@link LedgerRecovery}) and opens a
     * rate.
     *
     * @param beganMillis      wall clock when the device's lane opened
     * @param checkpointMillis time between checkpoints: so much of the time after the last
     *                         heartbeat of a crashed session counts as unrecorded
     */
    void begin(long beganMillis, long nowMillis, CostModel rate, long checkpointMillis) {
        transaction("begin a session in", () -> {
            new LedgerRecovery(connection, beganMillis, checkpointMillis).settle();
            sessionId = insert("INSERT INTO session (process_id, began_ms, heartbeat_ms)"
                    + " VALUES (?, ?, ?)", ProcessHandle.current().pid(), beganMillis, nowMillis);
            insertEpoch(beganMillis, rate);
        });
    }

    /**
     * Writes a posting as one transaction: all of it or nothing. Writing one again changes nothing.
     *
     * @throws DuplicateRequestException if a request's id is in the ledger from another request
     * @throws LedgerException           if it cannot be written
     */
    void append(Posting posting) {
        transaction("write", () -> {
            write(posting);
        });
    }

    /**
     * Changes the rate, as one transaction: writes what the old one has, and begins the new one
     * with what is carried over.
     */
    void turn(EpochBooks.Turn turn) {
        long before = epochId;
        boolean taken = false;
        try {
            transaction("change the rate in", () -> {
                write(turn.ending());
                update("DELETE FROM machine_time WHERE kind IN ('open', 'in_flight')"
                        + " AND rate_epoch_id = ?", epochId);
                insertEpoch(turn.ending().heartbeatMillis(), turn.next().rate());
                write(turn.began());
            });
            taken = true;
        } finally {
            epochId = taken ? epochId : before;
        }
    }

    private void write(Posting posting) throws SQLException {
        for (RequestRow row : posting.requests()) {
            LedgerRows.insertRequest(connection, epochId, row);
        }
        for (OpenRow row : posting.open()) {
            LedgerRows.upsertOpen(connection, epochId, row);
        }
        for (MachineTime time : posting.times()) {
            LedgerRows.putTime(connection, epochId, time.passing() ? 0 : posting.windowMillis(),
                    time);
        }
        update("UPDATE rate_epoch SET lane_nanos = ? WHERE id = ?", posting.laneNanos(), epochId);
        update("UPDATE session SET heartbeat_ms = ?, closed = ? WHERE id = ?",
                posting.heartbeatMillis(), posting.last() ? 1 : 0, sessionId);
    }

    private void insertEpoch(long beganMillis, CostModel rate) throws SQLException {
        epochId = insert("INSERT INTO rate_epoch (session_id, began_ms, nano_usd_per_hour,"
                + " depreciation_nano_usd_per_hour, rent_nano_usd_per_hour,"
                + " energy_nano_usd_per_hour, hosting_nano_usd_per_hour,"
                + " licence_nano_usd_per_hour, staff_nano_usd_per_hour,"
                + " milligrams_co2_per_hour, assumed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                sessionId, beganMillis, rate.nanoUsdPerHour(), rate.depreciationNanoUsdPerHour(),
                rate.rentNanoUsdPerHour(), rate.energyNanoUsdPerHour(),
                rate.hostingNanoUsdPerHour(), rate.licenceNanoUsdPerHour(),
                rate.staffNanoUsdPerHour(), rate.milligramsCo2PerHour(), rate.assumed() ? 1 : 0);
    }

    /** Drops the checkpoint of a request that will not get a row of its own. */
    void forgetOpen(String requestId) {
        transaction("write", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "DELETE FROM open_request WHERE id = ?")) {
                statement.setString(1, requestId);
                statement.executeUpdate();
            }
        });
    }

    @Override
    public void close() {
        try (lock) {
            connection.close();
        } catch (SQLException e) {
            throw new LedgerException("cannot close the ledger " + file + ": " + e.getMessage(), e);
        }
    }

    private interface Work {
        void run() throws SQLException;
    }

    /** Begun by hand: the driver's own transactions begin the next one at every commit. */
    private void transaction(String verb, Work work) {
        try {
            execute("BEGIN IMMEDIATE");
            try {
                work.run();
                execute("COMMIT");
            } catch (SQLException | RuntimeException e) {
                rollback(e);
                throw e;
            }
        } catch (SQLException e) {
            throw new LedgerException("cannot " + verb + " the ledger " + file + ": "
                    + e.getMessage(), e);
        }
    }

    private void rollback(Exception failure) {
        try {
            execute("ROLLBACK");
        } catch (SQLException e) {
            failure.addSuppressed(e); // the database has rolled back by itself, as on a full disk
        }
    }

    private void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private long insert(String sql, long... values) throws SQLException {
        update(sql, values);
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT last_insert_rowid()"); var rows = statement.executeQuery()) {
            rows.next();
            return rows.getLong(1);
        }
    }

    private void update(String sql, long... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setLong(i + 1, values[i]);
            }
            statement.executeUpdate();
        }
    }
}
