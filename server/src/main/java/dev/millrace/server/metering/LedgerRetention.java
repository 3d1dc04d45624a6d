package dev.millrace.server.metering;

import dev.millrace.server.metering.report.UseSpan;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;

/**
 * Drops what is no longer kept, a bounded part at a time, within a transaction of the writer's: the
 * rows of requests that are old enough, after adding them up by the hour, and the sums of minutes
 * that nobody looks at any more. The books are the same to the last nano-dollar before and after.
 */
final class LedgerRetention {

    /** The latest hours may be looked at by the minute. */
    static final Duration MINUTES_KEPT = Duration.ofHours(3);

    /** Most rows in one part: what a writer does not mind waiting for. */
    private static final int PART = 5_000;
    /** Clients make up tags: with more different ones in a part they are not kept apart. */
    private static final int MOST_TAGS = 500;

    private static final String OLDEST = "(SELECT * FROM request WHERE finished_ms < ?"
            + " ORDER BY finished_ms, id LIMIT " + PART + ")";

    private static final String ROLL_UP = "INSERT INTO request_sum (" + RequestSums.KEY + ", "
            + RequestSums.SUMS + """
                    )
                    SELECT 'dropped', finished_ms - finished_ms % 3600000, rate_epoch_id, model,
                        tenant, coalesce(project, ''), coalesce(key_id, ''), endpoint,
                        coalesce(adapter, ''), tier, CASE WHEN (SELECT count(DISTINCT tags) FROM
                    """ + OLDEST + " AS tagged) > " + MOST_TAGS + """
                     THEN '' ELSE coalesce(tags, '') END AS kept_tags, rate_changed,
                        CASE WHEN microjoules IS NULL THEN 0 ELSE 1 END, count(*),
                        sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
                        sum(computed_tokens), sum(prefill_nanos), sum(decode_nanos),
                        coalesce(sum(microjoules), 0), sum(cost_nano_usd),
                        sum(coalesce(charged_nano_usd, cost_nano_usd))
                    FROM\s""" + OLDEST + """
                     AS oldest WHERE true
                    GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13""" + RequestSums.ADD;

    private static final String DROP = "DELETE FROM request WHERE id IN (SELECT id FROM " + OLDEST
            + " AS oldest)";

    private LedgerRetention() {}

    /**
     * Drops one part.
     *
     * @param keptFromMillis rows of requests that ended before this are not kept; their hour is,
     *                       as a whole
     * @param nowMillis      wall clock, not later than it can be
     * @return rows that were dropped; 0 if there is nothing left to drop
     */
    static int drop(Connection connection, long keptFromMillis, long nowMillis)
            throws SQLException {
        update(connection, "DELETE FROM request_sum WHERE span = 'minute' AND from_ms < ?",
                nowMillis - MINUTES_KEPT.toMillis());
        long cut = UseSpan.HOUR.from(keptFromMillis);
        update(connection, "UPDATE retention SET kept_from_ms = ? WHERE kept_from_ms < ?", cut,
                cut);
        update(connection, ROLL_UP, cut, cut);
        return update(connection, DROP, cut);
    }

    private static int update(Connection connection, String sql, long... values)
            throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setLong(i + 1, values[i]);
            }
            return statement.executeUpdate();
        }
    }
}
