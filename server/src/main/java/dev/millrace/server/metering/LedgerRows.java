package dev.millrace.server.metering;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.List;

/** How each kind of row is written. */
final class LedgerRows {

    private static final String INSERT_REQUEST = """
            INSERT INTO request (id, rate_epoch_id, model, tenant, endpoint, prompt_tokens,
                cached_tokens, completion_tokens, computed_tokens, prefill_nanos, decode_nanos,
                microjoules, cost_nano_usd, assumed, finish_reason, detail, began_ms, finished_ms,
                key_id, rate_changed, project, adapter, session_id, tags, tier, charged_nano_usd,
                overrun_nano_usd)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO NOTHING""";

    private static final String UPSERT_OPEN = """
            INSERT INTO open_request (id, rate_epoch_id, model, tenant, endpoint, computed_tokens,
                decoded_tokens, prefill_nanos, decode_nanos, microjoules, cost_nano_usd, fraction,
                began_ms, key_id, project, adapter, session_id, tags, tier, charged_nano_usd)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET computed_tokens = excluded.computed_tokens,
                decoded_tokens = excluded.decoded_tokens, prefill_nanos = excluded.prefill_nanos,
                decode_nanos = excluded.decode_nanos, microjoules = excluded.microjoules,
                cost_nano_usd = excluded.cost_nano_usd, fraction = excluded.fraction,
                charged_nano_usd = excluded.charged_nano_usd""";

    private static final String PUT_TIME = """
            INSERT INTO machine_time (rate_epoch_id, kind, window_ms, nanos, microjoules,
                cost_nano_usd, fraction)
            VALUES (?, ?, ?, ?, ?, ?, ?)
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
        try (PreparedStatement insert = connection.prepareStatement(INSERT_REQUEST);
                PreparedStatement delete = connection.prepareStatement(
                        "DELETE FROM open_request WHERE id = ?")) {
            for (RequestRow row : rows) {
                fill(insert, epochId, row);
                insert.addBatch();
                new Parameters(delete).text(row.request().requestId());
                delete.addBatch();
            }
            int[] inserted = insert.executeBatch();
            for (int i = 0; i < inserted.length; i++) {
                if (inserted[i] > 0) {
                    sums.add(rows.get(i));
                } else if (!isSame(connection, rows.get(i))) {
                    throw new DuplicateRequestException(rows.get(i).request().requestId());
                }
            }
            delete.executeBatch();
        }
        sums.write(connection);
    }

    private static void fill(PreparedStatement insert, long epochId, RequestRow row)
            throws SQLException {
        new Parameters(insert).text(row.request().requestId()).number(epochId)
                .text(row.request().model()).text(row.request().tenant())
                .text(row.request().endpoint()).number(row.promptTokens())
                .number(row.cachedTokens()).number(row.completionTokens())
                .number(row.computedTokens()).number(row.prefillNanos())
                .number(row.decodeNanos()).optional(row.microjoules())
                .number(row.charge().nanoUsd()).number(row.assumed() ? 1 : 0)
                .text(row.finishReason()).text(row.detail()).number(row.beganMillis())
                .number(row.finishedMillis()).text(row.request().keyId())
                .number(row.rateChanged() ? 1 : 0).labels(row.request())
                .optional(row.chargedNanoUsd()).number(row.overrunNanoUsd());
    }

    /** Whether the row with this id is this very row, from a commit whose success was not heard. */
    private static boolean isSame(Connection connection, RequestRow row) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                "SELECT 1 FROM request WHERE id = ? AND prefill_nanos = ? AND decode_nanos = ?"
                        + " AND began_ms = ? AND finished_ms = ?")) {
            new Parameters(select).text(row.request().requestId()).number(row.prefillNanos())
                    .number(row.decodeNanos()).number(row.beganMillis())
                    .number(row.finishedMillis());
            try (ResultSet rows = select.executeQuery()) {
                return rows.next();
            }
        }
    }

    /** Writes what a request in progress has used so far. */
    static void upsertOpen(Connection connection, long epochId, OpenRow row) throws SQLException {
        try (PreparedStatement upsert = connection.prepareStatement(UPSERT_OPEN)) {
            new Parameters(upsert).text(row.request().requestId()).number(epochId)
                    .text(row.request().model()).text(row.request().tenant())
                    .text(row.request().endpoint()).number(row.computedTokens())
                    .number(row.decodedTokens()).number(row.prefillNanos())
                    .number(row.decodeNanos()).optional(row.microjoules())
                    .number(row.charge().nanoUsd()).number(row.charge().fraction())
                    .number(row.beganMillis()).text(row.request().keyId())
                    .labels(row.request()).optional(row.chargedNanoUsd()).update();
        }
    }

    /** Writes a window's total, replacing the one so far. */
    static void putTime(Connection connection, long epochId, long windowMillis, MachineTime time)
            throws SQLException {
        try (PreparedStatement put = connection.prepareStatement(PUT_TIME)) {
            new Parameters(put).number(epochId).text(time.kind().sqlName()).number(windowMillis)
                    .number(time.nanos()).optional(time.microjoules())
                    .number(time.charge().nanoUsd()).number(time.charge().fraction()).update();
        }
    }

    /** Fills a statement from left to right. */
    private static final class Parameters {

        private final PreparedStatement statement;
        private int index;

        Parameters(PreparedStatement statement) {
            this.statement = statement;
        }

        Parameters text(String value) throws SQLException {
            statement.setString(++index, value);
            return this;
        }

        Parameters number(long value) throws SQLException {
            statement.setLong(++index, value);
            return this;
        }

        Parameters labels(MeteredRequest request) throws SQLException {
            return text(request.project()).text(request.adapter())
                    .text(request.labels().session()).text(request.labels().tagsJson())
                    .text(request.tier());
        }

        /** A number that is null in the ledger where it is negative here. */
        Parameters optional(long value) throws SQLException {
            if (value < 0) {
                statement.setNull(++index, Types.INTEGER);
                return this;
            }
            return number(value);
        }

        int update() throws SQLException {
            return statement.executeUpdate();
        }
    }
}
