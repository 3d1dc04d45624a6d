package dev.millrace.server.metering;

import dev.millrace.server.metering.database.RowBatch;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;

/** How each kind of row is written. */
final class LedgerRows {

    private static final String INSERT_REQUEST = """
            INSERT INTO request (id, rate_epoch_id, model, tenant, endpoint, prompt_tokens,
                cached_tokens, completion_tokens, computed_tokens, prefill_nanos, decode_nanos,
                microjoules, cost_nano_usd, assumed, finish_reason, detail, began_ms, finished_ms,
                key_id, rate_changed, project, adapter, session_id, tags, tier, charged_nano_usd,
                overrun_nano_usd)""";
    private static final String REQUEST_TYPES = "tntttnnnnnnnnnttnntntttttnn";

    private static final String INSERT_OPEN = """
            INSERT INTO open_request (id, rate_epoch_id, model, tenant, endpoint, computed_tokens,
                decoded_tokens, prefill_nanos, decode_nanos, microjoules, cost_nano_usd, fraction,
                began_ms, key_id, project, adapter, session_id, tags, tier, charged_nano_usd)""";
    private static final String OPEN_TYPES = "tntttnnnnnnnnttttttn";
    private static final String UPDATE_OPEN = """
            ON CONFLICT (id) DO UPDATE SET computed_tokens = excluded.computed_tokens,
                decoded_tokens = excluded.decoded_tokens, prefill_nanos = excluded.prefill_nanos,
                decode_nanos = excluded.decode_nanos, microjoules = excluded.microjoules,
                cost_nano_usd = excluded.cost_nano_usd, fraction = excluded.fraction,
                charged_nano_usd = excluded.charged_nano_usd""";

    private static final String INSERT_TIME = """
            INSERT INTO machine_time (rate_epoch_id, kind, window_ms, nanos, microjoules,
                cost_nano_usd, fraction)""";
    private static final String TIME_TYPES = "ntnnnnn";
    private static final String UPDATE_TIME = """
            ON CONFLICT (rate_epoch_id, kind, window_ms) DO UPDATE SET nanos = excluded.nanos,
                microjoules = excluded.microjoules, cost_nano_usd = excluded.cost_nano_usd,
                fraction = excluded.fraction""";

    private LedgerRows() {}

    /**
     * Adds finished requests, to the sums too, and drops their checkpoints. Those that are there
     * from before are left alone.
     *
     * @throws DuplicateRequestException if another request has the id of one of them
     */
    static void insertRequests(Connection connection, long epochId, List<RequestRow> rows)
            throws SQLException {
        if (rows.isEmpty()) {
            return;
        }
        RequestSums sums = new RequestSums(epochId);
        try (RowBatch insert = RowBatch.of(connection, INSERT_REQUEST, REQUEST_TYPES,
                "ON CONFLICT (id) DO NOTHING");
                RowBatch delete = RowBatch.of(connection, "DELETE FROM open_request WHERE id IN (",
                        "t", ")")) {
            for (RequestRow row : rows) {
                fill(insert, epochId, row);
                delete.text(row.request().requestId());
            }
            boolean[] inserted = insert.insertMissing("id");
            for (int i = 0; i < inserted.length; i++) {
                if (inserted[i]) {
                    sums.add(rows.get(i));
                } else if (!isSame(connection, rows.get(i))) {
                    throw new DuplicateRequestException(rows.get(i).request().requestId());
                }
            }
            delete.run();
        }
        sums.write(connection);
    }

    private static void fill(RowBatch insert, long epochId, RequestRow row) throws SQLException {
        insert.text(row.request().requestId()).number(epochId)
                .text(row.request().model()).text(row.request().tenant())
                .text(row.request().endpoint()).number(row.promptTokens())
                .number(row.cachedTokens()).number(row.completionTokens())
                .number(row.computedTokens()).number(row.prefillNanos())
                .number(row.decodeNanos()).optional(row.microjoules())
                .number(row.charge().nanoUsd()).number(row.assumed() ? 1 : 0)
                .text(row.finishReason()).text(row.detail()).number(row.beganMillis())
                .number(row.finishedMillis()).text(row.request().keyId())
                .number(row.rateChanged() ? 1 : 0);
        labels(insert, row.request()).optional(row.chargedNanoUsd())
                .number(row.overrunNanoUsd());
    }

    private static RowBatch labels(RowBatch batch, MeteredRequest request) throws SQLException {
        return batch.text(request.project()).text(request.adapter())
                .text(request.labels().session()).text(request.labels().tagsJson())
                .text(request.tier());
    }

    /** Whether the row with this id is this very row, from a commit whose success was not heard. */
    private static boolean isSame(Connection connection, RequestRow row) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                "SELECT 1 FROM request WHERE id = ? AND prefill_nanos = ? AND decode_nanos = ?"
                        + " AND began_ms = ? AND finished_ms = ?")) {
            select.setString(1, row.request().requestId());
            select.setLong(2, row.prefillNanos());
            select.setLong(3, row.decodeNanos());
            select.setLong(4, row.beganMillis());
            select.setLong(5, row.finishedMillis());
            try (ResultSet rows = select.executeQuery()) {
                return rows.next();
            }
        }
    }

    /** Writes what requests in progress have used so far. */
    static void upsertOpen(Connection connection, long epochId, List<OpenRow> rows)
            throws SQLException {
        try (RowBatch upsert = RowBatch.of(connection, INSERT_OPEN, OPEN_TYPES, UPDATE_OPEN)) {
            for (OpenRow row : rows) {
                upsert.text(row.request().requestId()).number(epochId)
                        .text(row.request().model()).text(row.request().tenant())
                        .text(row.request().endpoint()).number(row.computedTokens())
                        .number(row.decodedTokens()).number(row.prefillNanos())
                        .number(row.decodeNanos()).optional(row.microjoules())
                        .number(row.charge().nanoUsd()).number(row.charge().fraction())
                        .number(row.beganMillis()).text(row.request().keyId());
                labels(upsert, row.request()).optional(row.chargedNanoUsd());
            }
            upsert.run();
        }
    }

    /** Writes totals of a window, replacing those so far; what passes is in no window. */
    static void putTimes(Connection connection, long epochId, long windowMillis,
            List<MachineTime> times) throws SQLException {
        try (RowBatch put = RowBatch.of(connection, INSERT_TIME, TIME_TYPES, UPDATE_TIME)) {
            for (MachineTime time : times) {
                put.number(epochId).text(time.kind().sqlName())
                        .number(time.passing() ? 0 : windowMillis).number(time.nanos())
                        .optional(time.microjoules()).number(time.charge().nanoUsd())
                        .number(time.charge().fraction());
            }
            put.run();
        }
    }
}
