package dev.millrace.server.metering;

import dev.millrace.server.metering.MachineTime.Kind;
import dev.millrace.server.metering.rate.Charge;
import dev.millrace.server.metering.rate.CostModel;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Settles the last session when the next one begins, so that no time is missing between them. The
 * time after its end is charged at the rate that was in force then.
 *
 * <ul>
 * <li>From the last heartbeat to the new session nothing ran: <em>offline</em>. If the last session
 * crashed, it may have worked for up to one more checkpoint interval: that much is
 * <em>unrecorded</em> instead. A wall clock that went backwards makes the gap 0, never negative.
 * <li>Requests that a crash caught in progress get their row, as <em>interrupted</em>, with what
 * the last checkpoint knew of them; what they had used beyond that is unrecorded.
 * </ul>
 */
final class LedgerRecovery {

    private final Connection connection;
    private final long beganMillis;
    private final long checkpointMillis;

    LedgerRecovery(Connection connection, long beganMillis, long checkpointMillis) {
        this.connection = connection;
        this.beganMillis = beganMillis;
        this.checkpointMillis = checkpointMillis;
    }

    private record LastSession(long epochId, long nanoUsdPerHour, boolean assumed,
            long heartbeatMillis, boolean closed) {}

    void settle() throws SQLException {
        LastSession last = lastSession();
        if (last == null) {
            return;
        }
        long gapMillis = Math.max(0, beganMillis - last.heartbeatMillis);
        long unrecordedMillis = last.closed ? 0 : Math.min(gapMillis, checkpointMillis);
        long unrecordedNanos = TimeUnit.MILLISECONDS.toNanos(unrecordedMillis);
        Charge unrecorded = CostModel.charge(unrecordedNanos, last.nanoUsdPerHour);
        Charge rounding = Charge.ZERO;
        if (!last.closed) {
            MachineTime passing = takePassing(last.epochId);
            unrecordedNanos += passing.nanos();
            unrecorded = unrecorded.plus(passing.charge());
            List<RequestRow> interrupted = takeInterrupted(last);
            LedgerRows.insertRequests(connection, last.epochId, interrupted);
            for (RequestRow row : interrupted) {
                unrecordedNanos -= row.prefillNanos() + row.decodeNanos();
                unrecorded = unrecorded.minus(row.charge());
                rounding = rounding.plus(row.charge().remainder());
            }
        }
        long offlineNanos = TimeUnit.MILLISECONDS.toNanos(gapMillis - unrecordedMillis);
        add(last, Kind.ROUNDING, 0, rounding);
        add(last, Kind.UNRECORDED, unrecordedNanos, unrecorded);
        add(last, Kind.OFFLINE, offlineNanos, CostModel.charge(offlineNanos,
                last.nanoUsdPerHour));
    }

    private LastSession lastSession() throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("""
                SELECT e.id, e.nano_usd_per_hour, e.assumed, s.heartbeat_ms, s.closed
                FROM session s JOIN rate_epoch e ON e.session_id = s.id
                ORDER BY e.id DESC LIMIT 1"""); ResultSet rows = select.executeQuery()) {
            return rows.next()
                    ? new LastSession(rows.getLong(1), rows.getLong(2), rows.getBoolean(3),
                            rows.getLong(4), rows.getBoolean(5))
                    : null;
        }
    }

    /** Removes the rows of work in progress; returns their sum. */
    private MachineTime takePassing(long epochId) throws SQLException {
        try (PreparedStatement delete = connection.prepareStatement("DELETE FROM machine_time"
                + " WHERE rate_epoch_id = ? AND kind IN ('open', 'in_flight') RETURNING nanos,"
                + " cost_nano_usd, fraction")) {
            delete.setLong(1, epochId);
            long nanos = 0;
            Charge charge = Charge.ZERO;
            try (ResultSet rows = delete.executeQuery()) {
                while (rows.next()) {
                    nanos += rows.getLong(1);
                    charge = charge.plus(new Charge(rows.getLong(2), rows.getLong(3)));
                }
            }
            return new MachineTime(Kind.OPEN, nanos, -1, charge);
        }
    }

    private List<RequestRow> takeInterrupted(LastSession last) throws SQLException {
        List<RequestRow> interrupted = new ArrayList<>();
        try (PreparedStatement select = connection.prepareStatement("""
                SELECT id, model, tenant, endpoint, computed_tokens, decoded_tokens, prefill_nanos,
                    decode_nanos, microjoules, began_ms, key_id, cost_nano_usd, fraction, project,
                    adapter, tier, session_id, tags, charged_nano_usd
                FROM open_request"""); ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                long prefillNanos = rows.getLong(7);
                long decodeNanos = rows.getLong(8);
                Charge charge = new Charge(rows.getLong(12), rows.getLong(13));
                boolean rateChanged = !charge.equals(
                        CostModel.charge(prefillNanos + decodeNanos, last.nanoUsdPerHour));
                long microjoules = rows.getLong(9);
                boolean measured = !rows.wasNull();
                long chargedNanoUsd = rows.getLong(19);
                boolean charged = !rows.wasNull();
                interrupted.add(new RequestRow(new MeteredRequest(rows.getString(1),
                        rows.getString(2), rows.getString(3), rows.getString(4),
                        rows.getString(11), rows.getString(14), rows.getString(15),
                        rows.getString(16),
                        RequestLabels.stored(rows.getString(17), rows.getString(18))),
                        rows.getInt(5), 0, rows.getInt(6), rows.getLong(5),
                        prefillNanos, decodeNanos,
                        measured ? microjoules : -1,
                        charge, charged ? chargedNanoUsd : -1, 0, rateChanged, last.assumed,
                        "interrupted", null, rows.getLong(10),
                        last.heartbeatMillis));
            }
        }
        return interrupted;
    }

    /** Adds time and what it costs to the row of its hour. */
    private void add(LastSession last, Kind kind, long nanos, Charge amount) throws SQLException {
        if (nanos == 0 && amount.equals(Charge.ZERO)) {
            return;
        }
        long windowMillis = Math.floorDiv(last.heartbeatMillis, EpochBooks.WINDOW_MILLIS)
                * EpochBooks.WINDOW_MILLIS;
        MachineTime before = timeOf(last.epochId, kind, windowMillis);
        Charge charge = before.charge().plus(amount);
        LedgerRows.putTimes(connection, last.epochId, windowMillis, List.of(
                new MachineTime(kind, before.nanos() + nanos, before.microjoules(), charge)));
    }

    private MachineTime timeOf(long epochId, Kind kind, long windowMillis) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("SELECT nanos, cost_nano_usd,"
                + " fraction, microjoules FROM machine_time"
                + " WHERE rate_epoch_id = ? AND kind = ? AND window_ms = ?")) {
            select.setLong(1, epochId);
            select.setString(2, kind.sqlName());
            select.setLong(3, windowMillis);
            try (ResultSet rows = select.executeQuery()) {
                if (!rows.next()) {
                    return new MachineTime(kind, 0, -1, Charge.ZERO);
                }
                Charge charge = new Charge(rows.getLong(2), rows.getLong(3));
                long microjoules = rows.getLong(4);
                return new MachineTime(kind, rows.getLong(1), rows.wasNull() ? -1 : microjoules,
                        charge);
            }
        }
    }
}
