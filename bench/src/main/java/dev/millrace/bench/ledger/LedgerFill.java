package dev.millrace.bench.ledger;

import dev.millrace.server.metering.LedgerDatabase;
import dev.millrace.server.metering.database.LedgerAddress;
import dev.millrace.server.metering.database.WriteTransaction;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;

/**
 * Fills a ledger with rows of the last thirty days by the database's own means, sums included, so
 * that ten million take minutes. The rows cost nothing: the books balance as before.
 */
final class LedgerFill {

    private static final int PART = 250_000;
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

    /** Adds rows up to a number. */
    static void upTo(LedgerAddress ledger, long wanted, long nowMillis) throws SQLException {
        if (rows(ledger) >= wanted) {
            return;
        }
        long fromMillis = nowMillis - TimeUnit.DAYS.toMillis(DAYS);
        try (Connection connection = LedgerDatabase.open(ledger)) {
            for (long rows = rows(ledger); rows < wanted; rows += PART) {
                long first = rows;
                long count = Math.min(PART, wanted - rows);
                WriteTransaction.run(connection, () -> {
                    try (Statement statement = connection.createStatement()) {
                        statement.execute(insert(first, count, wanted, fromMillis, nowMillis));
                    }
                });
            }
            WriteTransaction.run(connection, () -> {
                try (Statement statement = connection.createStatement()) {
                    statement.execute("DELETE FROM request_sum");
                    for (String[] span : new String[][]{{"minute", "60000"}, {"hour", "3600000"},
                        {"day", "86400000"}}) {
                        statement.execute(sums(span[0], span[1], span[0].equals("minute")
                                ? nowMillis - TimeUnit.HOURS.toMillis(3)
                                : 0));
                    }
                }
            });
        }
    }

    private static String insert(long first, long count, long all, long fromMillis,
            long nowMillis) {
        long millisPerRow = Math.max(1, (nowMillis - fromMillis) / all);
        return ("""
                INSERT INTO request (id, rate_epoch_id, model, tenant, endpoint, prompt_tokens,
                    cached_tokens, completion_tokens, computed_tokens, prefill_nanos, decode_nanos,
                    cost_nano_usd, assumed, finish_reason, began_ms, finished_ms, key_id,
                    rate_changed, tier)
                WITH RECURSIVE n (i) AS (SELECT CAST(%d AS BIGINT) UNION ALL
                    SELECT i + 1 FROM n WHERE i < %d)
                SELECT 'fill-' || i, (SELECT max(id) FROM rate_epoch), 'model-' || (i %% %d),
                    'tenant-' || (i / 7 %% %d), '/v1/chat/completions', 100 + i %% 900, i %% 64,
                    20 + i %% 300, 100, 0, 0, 0, 0, 'stop', %d + i * %d, %d + i * %d,
                    'key-' || (i / 7 %% %d), 0, 'default'
                FROM n""").formatted(first, first + count - 1, SimulatedDay.MODELS,
                SimulatedDay.TENANTS, fromMillis, millisPerRow, fromMillis, millisPerRow,
                SimulatedDay.TENANTS);
    }

    private static String sums(String span, String millis, long fromMillis) {
        return ("""
                INSERT INTO request_sum
                SELECT '%s', finished_ms - finished_ms %% %s, rate_epoch_id, model, tenant,
                    coalesce(project, ''), coalesce(key_id, ''), endpoint, coalesce(adapter, ''),
                    tier, '', rate_changed, CASE WHEN microjoules IS NULL THEN 0 ELSE 1 END,
                    count(*), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens),
                    sum(computed_tokens), sum(prefill_nanos), sum(decode_nanos),
                    coalesce(sum(microjoules), 0), sum(cost_nano_usd),
                    sum(coalesce(charged_nano_usd, cost_nano_usd))
                FROM request WHERE finished_ms >= %d
                GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13""").formatted(span, millis,
                fromMillis);
    }
}
