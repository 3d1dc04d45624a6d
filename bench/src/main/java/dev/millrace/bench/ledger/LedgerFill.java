package dev.millrace.bench.ledger;

import dev.millrace.server.metering.LedgerDatabase;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.database.WriteTransaction;
import dev.millrace.server.metering.report.UseSpan;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Fills a ledger with rows of the last thirty days by the database's own means, sums included, so
 * that ten million take minutes. The rows cost nothing: the books balance as before.
 */
final class LedgerFill {

    private static final int PART = 50_000;
    /** Ids have one length, so that their order is that of their numbers. */
    private static final long FIRST_ID = 1_000_000_000_000L;
    private static final String ENDPOINT = "/v1/chat/completions";
    private static final long DAYS = 30;

    private LedgerFill() {}

    /** How many rows there are. */
    static long rows(LedgerAddress ledger) throws SQLException {
        try (Connection connection = LedgerDatabase.open(ledger);
                Statement statement = connection.createStatement();
                ResultSet count = statement.executeQuery("SELECT count(*) FROM request")) {
            count.next();
            return count.getLong(1);
        }
    }

    /** Adds rows up to a number, a part at a time, which no connection takes for lost. */
    static void upTo(LedgerAddress ledger, long wanted, long nowMillis) throws SQLException {
        long there = rows(ledger);
        long fromMillis = nowMillis - TimeUnit.DAYS.toMillis(DAYS);
        long millisPerRow = Math.max(1, (nowMillis - fromMillis) / wanted);
        try (Connection connection = LedgerDatabase.open(ledger)) {
            for (long first = there; first < wanted; first += PART) {
                long last = Math.min(first + PART, wanted) - 1;
                long firstMillis = fromMillis + first * millisPerRow;
                long lastMillis = fromMillis + last * millisPerRow;
                String insert = insert(first, last, fromMillis, millisPerRow);
                WriteTransaction.run(connection, () -> {
                    try (Statement statement = connection.createStatement()) {
                        statement.execute(insert);
                        for (UseSpan span : UseSpan.values()) {
                            statement.execute(sums(span, firstMillis, lastMillis, nowMillis));
                        }
                    }
                });
            }
            if (ledger.remote()) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute("VACUUM ANALYZE request_sum"); // as the server would in time
                    statement.execute("ANALYZE request");
                }
            }
        }
    }

    /** In the order of their ids and ends, as rows come in. */
    private static String insert(long first, long last, long fromMillis, long millisPerRow) {
        return ("""
                INSERT INTO request (id, rate_epoch_id, model, tenant, endpoint, prompt_tokens,
                    cached_tokens, completion_tokens, computed_tokens, prefill_nanos, decode_nanos,
                    cost_nano_usd, assumed, finish_reason, began_ms, finished_ms, key_id,
                    rate_changed, tier)
                WITH RECURSIVE n (i) AS (SELECT CAST(%d AS BIGINT) UNION ALL
                    SELECT i + 1 FROM n WHERE i < %d)
                SELECT 'fill-' || (%d + i), (SELECT max(id) FROM rate_epoch), 'model-' || (i %% %d),
                    'tenant-' || (i / 7 %% %d), '%s', 100 + i %% 900, i %% 64,
                    20 + i %% 300, 100, 0, 0, 0, 0, 'stop', %d + i * %d, %d + i * %d,
                    'key-' || (i / 7 %% %d), 0, 'default'
                FROM n""").formatted(first, last, FIRST_ID, SimulatedDay.MODELS,
                SimulatedDay.TENANTS, ENDPOINT, fromMillis, millisPerRow, fromMillis, millisPerRow,
                SimulatedDay.TENANTS);
    }

    /** Adds a part's rows to the sums that there are; those of minutes only as long as kept. */
    private static String sums(UseSpan span, long firstMillis, long lastMillis, long nowMillis) {
        long keptMillis = span == UseSpan.MINUTE ? nowMillis - TimeUnit.HOURS.toMillis(3) : 0;
        return ("""
                INSERT INTO request_sum
                SELECT '%s', finished_ms - finished_ms %% %d, rate_epoch_id, model, tenant,
                    coalesce(project, ''), coalesce(key_id, ''), endpoint, coalesce(adapter, ''),
                    tier, '', rate_changed, CASE WHEN microjoules IS NULL THEN 0 ELSE 1 END,
                    count(*), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
                    sum(computed_tokens), sum(prefill_nanos), sum(decode_nanos),
                    coalesce(sum(microjoules), 0), sum(cost_nano_usd),
                    sum(coalesce(charged_nano_usd, cost_nano_usd))
                FROM request WHERE finished_ms BETWEEN %d AND %d AND finished_ms >= %d
                    AND id LIKE 'fill-%%'
                GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13
                ON CONFLICT (span, from_ms, rate_epoch_id, model, tenant, project, key_id,
                    endpoint, adapter, tier, tags, rate_changed, measured)
                DO UPDATE SET requests = request_sum.requests + excluded.requests,
                    prompt_tokens = request_sum.prompt_tokens + excluded.prompt_tokens,
                    cached_tokens = request_sum.cached_tokens + excluded.cached_tokens,
                    completion_tokens = request_sum.completion_tokens
                        + excluded.completion_tokens,
                    computed_tokens = request_sum.computed_tokens + excluded.computed_tokens""")
                .formatted(span.name().toLowerCase(Locale.ROOT), span.millis(), firstMillis,
                        lastMillis, keptMillis);
    }
}
