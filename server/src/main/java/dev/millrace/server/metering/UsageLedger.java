package dev.millrace.server.metering;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.metering.attribution.LearntWeights.InForce;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.database.LedgerAddress.ExclusiveConnection;
import dev.millrace.server.metering.database.WriteTransaction;
import dev.millrace.server.metering.rate.CostModel;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;

/**
 * The ledger as its one writer sees it. A commit is on the disk when {@link #append} returns. A
 * connection that was lost is made anew by the next call, and everything may be written again that
 * was not heard to be written. Not thread-safe.
 */
public final class UsageLedger implements AutoCloseable {

    private static final int ALIVE_SECONDS = 5;

    private final LedgerAddress address;
    private ExclusiveConnection exclusive;
    private Connection connection;
    private boolean suspect;
    private long sessionId;
    private long epochId;

    private UsageLedger(LedgerAddress address) {
        this.address = address;
        connect();
    }

    private void connect() {
        exclusive = address.openExclusively();
        connection = exclusive.connection();
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
    public static UsageLedger open(LedgerAddress address) {
        return new UsageLedger(address);
    }

    /** The same of a ledger in a file. */
    public static UsageLedger open(Path file) {
        return open(LedgerAddress.ofFile(file));
    }

    /** Where it is. */
    public LedgerAddress address() {
        return address;
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

    /** Notes in words where the session's energy comes from. */
    void energyFrom(String source) {
        transaction("write", () -> {
            try (PreparedStatement statement = connection.prepareStatement(
                    "UPDATE session SET energy_source = ? WHERE id = ?")) {
                statement.setString(1, source);
                statement.setLong(2, sessionId);
                statement.executeUpdate();
            }
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

    /** A turn that was committed but not heard of left a rate that nothing is known of here. */
    private void forgetUnheardTurns() throws SQLException {
        update("DELETE FROM machine_time WHERE rate_epoch_id > ?", epochId);
        update("DELETE FROM rate_epoch WHERE id > ?", epochId);
    }

    /** Tells what the latest requests took, of this session or of those before. */
    void recentTimes(TokenTimes times) {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("""
                        SELECT model, computed_tokens, prefill_nanos, completion_tokens,
                            decode_nanos
                        FROM request ORDER BY finished_ms DESC LIMIT 1000""")) {
            while (rows.next()) {
                times.add(rows.getString(1), rows.getLong(2), rows.getLong(3), rows.getLong(4),
                        rows.getLong(5));
            }
        } catch (SQLException e) {
            throw new LedgerException("cannot read the ledger " + address + ": " + e.getMessage(),
                    e);
        }
    }

    /** The weights that were last learnt of each model on each device, whenever that was. */
    List<InForce> latestWeights() {
        try {
            return WeightRows.latest(connection);
        } catch (SQLException e) {
            throw new LedgerException("cannot read the ledger " + address + ": " + e.getMessage(),
                    e);
        }
    }

    private void write(Posting posting) throws SQLException {
        LedgerRows.insertRequests(connection, epochId, posting.requests());
        LedgerRows.upsertOpen(connection, epochId, posting.open());
        LedgerRows.putTimes(connection, epochId, posting.windowMillis(), posting.times());
        for (InForce weights : posting.weights()) {
            WeightRows.put(connection, sessionId, posting.heartbeatMillis(), weights);
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

    /**
     * Drops a part of what is no longer kept; see {@link LedgerRetention}.
     *
     * @return rows that were dropped
     */
    int drop(long keptFromMillis, long nowMillis) {
        int[] dropped = {0};
        transaction("drop old rows of", () -> {
            dropped[0] = LedgerRetention.drop(connection, keptFromMillis, nowMillis);
        });
        return dropped[0];
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
        try {
            exclusive.close();
        } catch (SQLException e) {
            throw new LedgerException("cannot close the ledger " + address + ": "
                    + e.getMessage(), e);
        }
    }

    private void transaction(String verb, WriteTransaction.Work work) {
        try {
            if (suspect && address.remote() && !connection.isValid(ALIVE_SECONDS)) {
                reconnect();
            }
            suspect = true;
            WriteTransaction.run(connection, work);
            suspect = false;
        } catch (SQLException e) {
            throw new LedgerException("cannot " + verb + " the ledger " + address + ": "
                    + e.getMessage(), e);
        }
    }

    /** The lock was lost with the connection: another server may have settled our session. */
    private void reconnect() throws SQLException {
        exclusive.close();
        connect();
        try (Statement statement = connection.createStatement();
                ResultSet last = statement.executeQuery("SELECT max(id) FROM session")) {
            last.next();
            if (sessionId != 0 && last.getLong(1) != sessionId) {
                throw new LedgerException("another server began to write the ledger " + address
                        + " while this one had lost its connection; end one of them. What this one"
                        + " did since then is unrecorded there");
            }
        }
        WriteTransaction.run(connection, this::forgetUnheardTurns);
    }

    private long insert(String sql, long... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql + " RETURNING id")) {
            set(statement, values);
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getLong(1);
            }
        }
    }

    private void update(String sql, long... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            set(statement, values);
            statement.executeUpdate();
        }
    }

    private static void set(PreparedStatement statement, long... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            statement.setLong(i + 1, values[i]);
        }
    }
}
