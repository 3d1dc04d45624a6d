package dev.millrace.server.metering;

import dev.millrace.server.metering.attribution.LearntWeights.InForce;
import dev.millrace.server.metering.attribution.StepWeights;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** How the weights that steps were shared by are kept. */
final class WeightRows {

    private static final String PUT = """
            INSERT INTO step_weights (session_id, model, drafts, revision, device, began_ms, steps,
                fixed_femtos, sequence_femtos, token_femtos, cache_femtos, context_femtos,
                adapter_read_femtos, adapter_token_femtos)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (session_id, model, drafts, revision) DO NOTHING""";

    private static final String LATEST = """
            SELECT model, device, drafts, revision, steps, fixed_femtos, sequence_femtos,
                token_femtos, cache_femtos, context_femtos, adapter_read_femtos,
                adapter_token_femtos
            FROM (SELECT w.*, row_number() OVER (PARTITION BY model, device, drafts
                    ORDER BY session_id DESC, revision DESC) AS age
                FROM step_weights w WHERE steps > 0) numbered
            WHERE age = 1""";

    private static final int FIRST_FEMTOS = 8;

    private WeightRows() {}

    static void put(Connection connection, long sessionId, long nowMillis, InForce weights)
            throws SQLException {
        try (PreparedStatement put = connection.prepareStatement(PUT)) {
            put.setLong(1, sessionId);
            put.setString(2, weights.model());
            put.setLong(3, weights.drafts() ? 1 : 0);
            put.setLong(4, weights.revision());
            put.setString(5, weights.device());
            put.setLong(6, nowMillis);
            put.setLong(7, weights.steps());
            long[] femtos = weights.weights().femtos();
            for (int i = 0; i < femtos.length; i++) {
                put.setLong(FIRST_FEMTOS + i, femtos[i]);
            }
            put.executeUpdate();
        }
    }

    /** Of each model on each device the last that were learnt. */
    static List<InForce> latest(Connection connection) throws SQLException {
        List<InForce> latest = new ArrayList<>();
        try (PreparedStatement select = connection.prepareStatement(LATEST);
                ResultSet rows = select.executeQuery()) {
            while (rows.next()) {
                latest.add(new InForce(rows.getString(1), rows.getString(2), rows.getLong(3) != 0,
                        rows.getInt(4), rows.getLong(5),
                        StepWeights.ofFemtos(rows.getLong(6), rows.getLong(7), rows.getLong(8),
                                rows.getLong(9), rows.getLong(10), rows.getLong(11),
                                rows.getLong(12))));
            }
        }
        return latest;
    }
}
