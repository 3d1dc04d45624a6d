package dev.millrace.server.metering;

import dev.millrace.server.metering.report.TraceRow;
import dev.millrace.server.metering.report.UseSpan;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Reads requests, one by one or as the sums that the ledger keeps of them. */
final class RequestReader {

    private static final String ROWS = """
            SELECT id, model, tenant, key_id, endpoint, prompt_tokens, cached_tokens,
                computed_tokens, completion_tokens, prefill_nanos, decode_nanos,
                cost_nano_usd, microjoules, finish_reason, began_ms, finished_ms,
                project, adapter, tier, session_id, tags,
                coalesce(charged_nano_usd, cost_nano_usd), 1
            FROM request""";

    private static final String SUMMANDS = """
            sum(prompt_tokens), sum(cached_tokens), sum(computed_tokens), sum(completion_tokens),
                sum(prefill_nanos), sum(decode_nanos), sum(cost_nano_usd),
                CASE WHEN measured = 1 THEN sum(microjoules) END""";

    /** In the same order as rows; what is empty in a sum is null in a row. */
    private static final String SUMS = "SELECT NULL, model, tenant, nullif(key_id, ''), endpoint, "
            + SUMMANDS + """
                    , NULL, from_ms, from_ms, nullif(project, ''), nullif(adapter, ''), tier, NULL,
                        nullif(tags, ''), sum(charged_nano_usd), sum(requests)
                    FROM request_sum WHERE span = ? AND from_ms >= ?
                    GROUP BY from_ms, model, tenant, key_id, endpoint, measured, project, adapter,
                        tier, tags
                    ORDER BY from_ms""";

    /**
     * By time alone. Apart by rate as well, at which cost is the same for all time, and by whether
     * energy was measured; the order is nearly the table's own, so that nothing much is sorted.
     */
    private static final String BARS = "SELECT NULL, NULL, NULL, NULL, NULL, " + SUMMANDS + """
            , NULL, from_ms, from_ms, NULL, NULL, NULL, NULL, NULL, sum(charged_nano_usd),
                sum(requests)
            FROM request_sum WHERE span = ? AND from_ms >= ?
            GROUP BY from_ms, rate_epoch_id, measured""";

    /** By all but time: minutes up to the first whole hour, hours up to the first whole day. */
    private static final String KINDS = "SELECT NULL, model, tenant, nullif(key_id, ''), endpoint, "
            + SUMMANDS + """
                    , NULL, 0, 0, nullif(project, ''), nullif(adapter, ''), tier, NULL, NULL,
                        sum(charged_nano_usd), sum(requests)
                    FROM (
                        SELECT * FROM request_sum
                        WHERE span = 'minute' AND from_ms >= ? AND from_ms < ?
                        UNION ALL
                        SELECT * FROM request_sum
                        WHERE span = 'hour' AND from_ms >= ? AND from_ms < ?
                        UNION ALL
                        SELECT * FROM request_sum WHERE span = 'day' AND from_ms >= ?
                    ) AS spans
                    GROUP BY rate_epoch_id, model, tenant, project, key_id, endpoint, adapter, tier,
                        measured""";

    private static final String AUDIT = """
            SELECT finished_ms - finished_ms % 3600000, count(*), sum(cost_nano_usd),
                sum(prefill_nanos + decode_nanos)
            FROM request GROUP BY 1
            UNION ALL
            SELECT from_ms, sum(CASE WHEN span = 'hour' THEN -requests ELSE requests END),
                sum(CASE WHEN span = 'hour' THEN -cost_nano_usd ELSE cost_nano_usd END),
                sum(CASE WHEN span = 'hour' THEN -1 ELSE 1 END * (prefill_nanos + decode_nanos))
            FROM request_sum WHERE span IN ('hour', 'dropped') GROUP BY 1
            UNION ALL
            SELECT from_ms - from_ms % 86400000 + 1,
                sum(CASE WHEN span = 'day' THEN -requests ELSE requests END),
                sum(CASE WHEN span = 'day' THEN -cost_nano_usd ELSE cost_nano_usd END),
                sum(CASE WHEN span = 'day' THEN -1 ELSE 1 END * (prefill_nanos + decode_nanos))
            FROM request_sum WHERE span IN ('hour', 'day') GROUP BY 1""";

    private final Connection connection;

    RequestReader(Connection connection) {
        this.connection = connection;
    }

    /** What is left of dropped rows, then all rows, oldest first. */
    void all(Consumer<TraceRow> consumer) throws SQLException {
        sums("dropped", Long.MIN_VALUE, consumer);
        try (PreparedStatement select = connection.prepareStatement(ROWS
                + " ORDER BY finished_ms")) {
            read(select, consumer);
        }
    }

    /** The sums of a span from a moment on, oldest first. */
    void sums(UseSpan span, long fromMillis, Consumer<TraceRow> consumer) throws SQLException {
        sums(span.name().toLowerCase(Locale.ROOT), fromMillis, consumer);
    }

    private void sums(String span, long fromMillis, Consumer<TraceRow> consumer)
            throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(SUMS)) {
            select.setString(1, span);
            select.setLong(2, fromMillis);
            read(select, consumer);
        }
    }

    /** What the requests of each span add up to, whoever sent them; in no order. */
    void bars(UseSpan span, long fromMillis, Consumer<TraceRow> consumer) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(BARS)) {
            select.setString(1, span.name().toLowerCase(Locale.ROOT));
            select.setLong(2, fromMillis);
            read(select, consumer);
        }
    }

    /** What all requests since the beginning of a span add up to, by what tells them apart. */
    void kinds(UseSpan span, long fromMillis, Consumer<TraceRow> consumer) throws SQLException {
        long hoursFrom = span == UseSpan.MINUTE ? UseSpan.HOUR.atOrAfter(fromMillis) : fromMillis;
        long daysFrom = UseSpan.DAY.atOrAfter(hoursFrom);
        try (PreparedStatement select = connection.prepareStatement(KINDS)) {
            select.setLong(1, fromMillis);
            select.setLong(2, hoursFrom);
            select.setLong(3, hoursFrom);
            select.setLong(4, daysFrom);
            select.setLong(5, daysFrom);
            read(select, consumer);
        }
    }

    /** The latest rows from a moment on, latest first. */
    void latest(long fromMillis, int most, Consumer<TraceRow> consumer) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(ROWS
                + " WHERE finished_ms >= ? ORDER BY finished_ms DESC LIMIT ?")) {
            select.setLong(1, fromMillis);
            select.setInt(2, most);
            read(select, consumer);
        }
    }

    private static void read(PreparedStatement select, Consumer<TraceRow> consumer)
            throws SQLException {
        try (ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                long microjoules = rows.getLong(13);
                boolean measured = !rows.wasNull();
                consumer.accept(new TraceRow(rows.getString(1), rows.getString(2),
                        rows.getString(3), rows.getString(4), rows.getString(17),
                        rows.getString(18), rows.getString(5), rows.getString(19),
                        RequestLabels.stored(rows.getString(20), rows.getString(21)),
                        rows.getLong(6), rows.getLong(7), rows.getLong(8), rows.getLong(9),
                        rows.getLong(10), rows.getLong(11), rows.getLong(12), rows.getLong(22),
                        measured ? microjoules : -1,
                        rows.getString(14), rows.getLong(15), rows.getLong(16),
                        rows.getLong(23)));
            }
        }
    }

    /** Compares every row with the sums. @return the first hour or day in which they differ */
    Optional<String> audit() throws SQLException {
        Map<Long, long[]> differences = new TreeMap<>();
        try (PreparedStatement select = connection.prepareStatement(AUDIT);
                ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                long[] difference = differences.computeIfAbsent(rows.getLong(1),
                        time -> new long[3]);
                for (int i = 0; i < difference.length; i++) {
                    difference[i] += rows.getLong(i + 2);
                }
            }
        }
        for (Map.Entry<Long, long[]> one : differences.entrySet()) {
            long[] off = one.getValue();
            if (off[0] != 0 || off[1] != 0 || off[2] != 0) {
                boolean day = one.getKey() % 2 != 0; // a day's is one off, to tell it from its hour
                return Optional.of("the " + (day ? "hours" : "rows") + " of "
                        + Instant.ofEpochMilli(one.getKey() - (day ? 1 : 0)) + " and their sums"
                        + " differ by " + off[0] + " requests, " + off[1] + " nano-dollars and "
                        + off[2] + " ns");
            }
        }
        return Optional.empty();
    }
}
