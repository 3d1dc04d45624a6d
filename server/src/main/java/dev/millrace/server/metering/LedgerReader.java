package dev.millrace.server.metering;

import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.rate.Charge;
import dev.millrace.server.metering.rate.CostModel;
import dev.millrace.server.metering.report.RatePeriod;
import dev.millrace.server.metering.report.TraceRow;
import dev.millrace.server.metering.report.UseSpan;
import java.math.BigInteger;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Sums up a ledger without writing to it, also while a server does. */
public final class LedgerReader implements AutoCloseable {

    private static final double USD_PER_FRACTION = 1e-9 / Charge.FRACTIONS;
    private static final BigInteger NANOS_PER_MILLI = BigInteger.valueOf(1_000_000);

    private final LedgerAddress ledger;
    private final Connection connection;
    private final boolean empty;

    private LedgerReader(LedgerAddress ledger, Connection connection, boolean empty) {
        this.ledger = ledger;
        this.connection = connection;
        this.empty = empty;
    }

    /**
     * Opens a ledger for reading.
     *
     * @throws LedgerException if there is none, it is from a newer program, or cannot be read
     */
    public static LedgerReader open(LedgerAddress ledger) {
        Connection connection = ledger.openForReading();
        LedgerReader reader = new LedgerReader(ledger, connection, false);
        return reader.hasTables() ? reader : new LedgerReader(ledger, connection, true);
    }

    /** The same of a ledger in a file. */
    public static LedgerReader open(Path file) {
        return open(LedgerAddress.ofFile(file));
    }

    private boolean hasTables() {
        try (ResultSet tables = connection.getMetaData().getTables(null, null, "rate_epoch",
                null)) {
            return tables.next();
        } catch (SQLException e) {
            throw unreadable(e);
        } finally {
            endSnapshot();
        }
    }

    /** Everything in sums, read in one transaction. */
    public LedgerSummary summary() {
        if (empty) {
            return new LedgerSummary(0, 0, false, 0, List.of(), Map.of(),
                    new LedgerBalance(Map.of(), BigInteger.ZERO), List.of());
        }
        try {
            Map<String, Charge> charges = new TreeMap<>();
            Map<String, Long> nanos = new TreeMap<>();
            readLines(charges, nanos);
            LedgerBalance balance = new LedgerBalance(charges, laneBill().add(gapBill()));
            try (Statement statement = connection.createStatement();
                    ResultSet row = statement.executeQuery("""
                            SELECT (SELECT min(began_ms) FROM session),
                                (SELECT heartbeat_ms FROM session ORDER BY id DESC LIMIT 1),
                                (SELECT max(assumed) FROM rate_epoch),
                                (SELECT nano_usd_per_hour FROM rate_epoch ORDER BY id DESC LIMIT 1)
                            """)) {
                row.next();
                return new LedgerSummary(row.getLong(1), row.getLong(2), row.getBoolean(3),
                        row.getLong(4), models(), nanos, balance, energySources());
            } finally {
                connection.rollback(); // ends the snapshot, so that the log can be trimmed
            }
        } catch (SQLException e) {
            throw unreadable(e);
        }
    }

    private List<String> energySources() throws SQLException {
        List<String> sources = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT energy_source FROM session"
                        + " WHERE energy_source IS NOT NULL GROUP BY energy_source"
                        + " ORDER BY max(id)")) {
            while (rows.next()) {
                sources.add(rows.getString(1));
            }
        }
        return sources;
    }

    /** The charging side: what every row says. */
    private void readLines(Map<String, Charge> charges, Map<String, Long> nanos)
            throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("""
                        SELECT 'requests', coalesce(sum(prefill_nanos + decode_nanos), 0),
                            coalesce(sum(cost_nano_usd), 0), 0
                        FROM request_sum WHERE span = 'day'
                        UNION ALL
                        SELECT kind, sum(nanos), sum(cost_nano_usd), sum(fraction)
                        FROM machine_time GROUP BY kind""")) {
            while (rows.next()) {
                long fractions = rows.getLong(4);
                nanos.put(rows.getString(1), rows.getLong(2));
                charges.put(rows.getString(1), new Charge(
                        rows.getLong(3) + fractions / Charge.FRACTIONS,
                        fractions % Charge.FRACTIONS));
            }
        }
    }

    /** The bill while servers ran: each rate times the time on the device's clock. */
    private BigInteger laneBill() throws SQLException {
        BigInteger bill = BigInteger.ZERO;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        "SELECT nano_usd_per_hour, lane_nanos FROM rate_epoch")) {
            while (rows.next()) {
                bill = bill.add(BigInteger.valueOf(rows.getLong(1))
                        .multiply(BigInteger.valueOf(rows.getLong(2))));
            }
        }
        return bill;
    }

    /**
     * The bill between sessions: the last rate times the time from last heartbeat to next start.
     */
    private BigInteger gapBill() throws SQLException {
        BigInteger bill = BigInteger.ZERO;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("""
                        SELECT s.began_ms, s.heartbeat_ms,
                            (SELECT nano_usd_per_hour FROM rate_epoch e
                             WHERE e.session_id = s.id ORDER BY e.id DESC LIMIT 1)
                        FROM session s ORDER BY s.id""")) {
            long lastHeartbeatMillis = Long.MAX_VALUE;
            long lastRate = 0;
            while (rows.next()) {
                long gapMillis = Math.max(0, rows.getLong(1) - Math.min(rows.getLong(1),
                        lastHeartbeatMillis));
                bill = bill.add(BigInteger.valueOf(lastRate)
                        .multiply(BigInteger.valueOf(gapMillis)).multiply(NANOS_PER_MILLI));
                lastHeartbeatMillis = rows.getLong(2);
                lastRate = rows.getLong(3);
            }
        }
        return bill;
    }

    /**
     * Every request's row, oldest first, one at a time; before them, by the hour, the sums of those
     * that are no longer kept.
     */
    public void forEachRequest(Consumer<TraceRow> consumer) {
        read(() -> new RequestReader(connection).all(consumer));
    }

    /** What the requests of each span add up to that began at a moment or later, oldest first. */
    public void forEachSum(UseSpan span, long fromMillis, Consumer<TraceRow> consumer) {
        read(() -> new RequestReader(connection).sums(span, fromMillis, consumer));
    }

    /**
     * What the requests of each span add up to, whoever sent them, from the beginning of a span on;
     * in no order, and possibly several sums to a span.
     */
    public void forEachBar(UseSpan span, long fromMillis, Consumer<TraceRow> consumer) {
        read(() -> new RequestReader(connection).bars(span, fromMillis, consumer));
    }

    /**
     * What all requests add up to that ended since the beginning of a span, by model, team, key and
     * all else that tells sums apart, but not by time.
     */
    public void forEachKind(UseSpan span, long fromMillis, Consumer<TraceRow> consumer) {
        read(() -> new RequestReader(connection).kinds(span, fromMillis, consumer));
    }

    /** The latest requests that ended at a moment or later, latest first. */
    public void forLatest(long fromMillis, int most, Consumer<TraceRow> consumer) {
        read(() -> new RequestReader(connection).latest(fromMillis, most, consumer));
    }

    /**
     * Compares every row with the sums that everything else is read from; takes seconds per ten
     * million rows.
     *
     * @return where they differ, which is nowhere unless somebody meddled with the tables
     */
    public Optional<String> audit() {
        List<String> found = new ArrayList<>();
        read(() -> new RequestReader(connection).audit().ifPresent(found::add));
        return found.stream().findFirst();
    }

    private interface Reading {
        void run() throws SQLException;
    }

    private void read(Reading reading) {
        if (empty) {
            return;
        }
        try {
            reading.run();
        } catch (SQLException e) {
            throw unreadable(e);
        } finally {
            endSnapshot();
        }
    }

    /** Every rate that was in force, oldest first. */
    public List<RatePeriod> ratePeriods() {
        List<RatePeriod> periods = new ArrayList<>();
        if (empty) {
            return periods;
        }
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("""
                        SELECT began_ms, depreciation_nano_usd_per_hour, rent_nano_usd_per_hour,
                            energy_nano_usd_per_hour, hosting_nano_usd_per_hour,
                            licence_nano_usd_per_hour, staff_nano_usd_per_hour,
                            milligrams_co2_per_hour, assumed, lane_nanos
                        FROM rate_epoch ORDER BY id""")) {
            while (rows.next()) {
                periods.add(new RatePeriod(rows.getLong(1), new CostModel(rows.getLong(2),
                        rows.getLong(3), rows.getLong(4), rows.getLong(5), rows.getLong(6),
                        rows.getLong(7), rows.getLong(8), rows.getBoolean(9)),
                        rows.getLong(10)));
            }
            return periods;
        } catch (SQLException e) {
            throw unreadable(e);
        } finally {
            endSnapshot();
        }
    }

    /** Ends the transaction of a reading, so that the log can be trimmed. */
    private void endSnapshot() {
        try {
            connection.rollback();
        } catch (SQLException e) {
            throw unreadable(e);
        }
    }

    private List<LedgerSummary.ModelUse> models() throws SQLException {
        Map<String, LedgerSummary.ModelUse> models = new LinkedHashMap<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("""
                        SELECT r.model, e.nano_usd_per_hour, sum(requests), sum(prompt_tokens),
                            sum(cached_tokens), sum(computed_tokens), sum(completion_tokens),
                            sum(prefill_nanos), sum(decode_nanos),
                            sum(CASE WHEN measured = 1 THEN microjoules END),
                            r.rate_changed,
                            sum(CAST(cost_nano_usd AS DOUBLE PRECISION) * prefill_nanos
                                / nullif(prefill_nanos + decode_nanos, 0)) * 1e-9,
                            sum(CAST(cost_nano_usd AS DOUBLE PRECISION) * decode_nanos
                                / nullif(prefill_nanos + decode_nanos, 0)) * 1e-9
                        FROM request_sum r JOIN rate_epoch e ON e.id = r.rate_epoch_id
                        WHERE r.span = 'day'
                        GROUP BY r.model, e.nano_usd_per_hour, r.rate_changed
                        ORDER BY r.model""")) {
            while (rows.next()) {
                double usdPerNano = rows.getLong(2) * USD_PER_FRACTION;
                long microjoules = rows.getLong(10);
                boolean measured = !rows.wasNull();
                boolean rateChanged = rows.getBoolean(11);
                LedgerSummary.ModelUse use = new LedgerSummary.ModelUse(rows.getString(1),
                        rows.getLong(3), rows.getLong(4), rows.getLong(5), rows.getLong(6),
                        rows.getLong(7), rows.getLong(8), rows.getLong(9),
                        rateChanged ? rows.getDouble(12) : rows.getLong(8) * usdPerNano,
                        rateChanged ? rows.getDouble(13) : rows.getLong(9) * usdPerNano,
                        measured ? microjoules : -1);
                models.merge(use.model(), use, LedgerReader::add);
            }
        }
        return new ArrayList<>(models.values());
    }

    private static LedgerSummary.ModelUse add(LedgerSummary.ModelUse a,
            LedgerSummary.ModelUse b) {
        long microjoules = a.microjoules() < 0 || b.microjoules() < 0
                ? Math.max(a.microjoules(), b.microjoules())
                : a.microjoules() + b.microjoules();
        return new LedgerSummary.ModelUse(a.model(), a.requests() + b.requests(),
                a.promptTokens() + b.promptTokens(), a.cachedTokens() + b.cachedTokens(),
                a.computedTokens() + b.computedTokens(),
                a.completionTokens() + b.completionTokens(), a.prefillNanos() + b.prefillNanos(),
                a.decodeNanos() + b.decodeNanos(), a.prefillUsd() + b.prefillUsd(),
                a.decodeUsd() + b.decodeUsd(), microjoules);
    }

    private LedgerException unreadable(SQLException e) {
        return new LedgerException("cannot read the ledger " + ledger + ": " + e.getMessage()
                + "; is it a Millrace ledger?", e);
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw unreadable(e);
        }
    }
}
