package dev.millrace.server.metering;

import dev.millrace.server.metering.database.RowBatch;
import dev.millrace.server.metering.report.UseSpan;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** What the requests of one transaction add to the sums that the ledger keeps beside their rows. */
final class RequestSums {

    /** What sums are told apart by, in the order of the table. */
    static final String KEY = "span, from_ms, rate_epoch_id, model, tenant, project, key_id,"
            + " endpoint, adapter, tier, tags, rate_changed, measured";
    /** What is added up. */
    static final String SUMS = "requests, prompt_tokens, cached_tokens, completion_tokens,"
            + " computed_tokens, prefill_nanos, decode_nanos, microjoules, cost_nano_usd,"
            + " charged_nano_usd";
    /** Adds to the sums that there are. */
    static final String ADD = " ON CONFLICT (" + KEY + ") DO UPDATE SET " + SUMS.replaceAll(
            "(\\w+)", "$1 = request_sum.$1 + excluded.$1");

    private static final String INSERT = "INSERT INTO request_sum (" + KEY + ", " + SUMS + ")";
    private static final String TYPES = "tnntttttttt" + "nn" + "nnnnnnnnnn";
    private static final int SUMMANDS = 10;
    /** Only sums of dropped rows tell tags apart. */
    private static final String NO_TAGS = "";

    private final long epochId;
    private final Map<Key, long[]> sums = new HashMap<>();

    private record Key(UseSpan span, long fromMillis, String model, String tenant, String project,
            String keyId, String endpoint, String adapter, String tier, boolean rateChanged,
            boolean measured) {}

    RequestSums(long epochId) {
        this.epochId = epochId;
    }

    void add(RequestRow row) {
        MeteredRequest request = row.request();
        boolean measured = row.microjoules() >= 0;
        long[] summands = {1, row.promptTokens(), row.cachedTokens(), row.completionTokens(),
            row.computedTokens(), row.prefillNanos(), row.decodeNanos(),
            measured ? row.microjoules() : 0, row.charge().nanoUsd(), row.chargedNanoUsd() < 0
                    ? row.charge().nanoUsd()
                    : row.chargedNanoUsd()};
        for (UseSpan span : UseSpan.values()) {
            long[] sum = sums.computeIfAbsent(new Key(span, span.from(row.finishedMillis()),
                    request.model(), request.tenant(), text(request.project()),
                    text(request.keyId()), request.endpoint(), text(request.adapter()),
                    request.tier(), row.rateChanged(), measured), key -> new long[SUMMANDS]);
            for (int i = 0; i < SUMMANDS; i++) {
                sum[i] += summands[i];
            }
        }
    }

    private static String text(String value) {
        return Objects.requireNonNullElse(value, "");
    }

    void write(Connection connection) throws SQLException {
        try (RowBatch insert = RowBatch.of(connection, INSERT, TYPES, ADD)) {
            for (Map.Entry<Key, long[]> entry : sums.entrySet()) {
                Key key = entry.getKey();
                insert.text(key.span.name().toLowerCase(Locale.ROOT)).number(key.fromMillis)
                        .number(epochId).text(key.model).text(key.tenant).text(key.project)
                        .text(key.keyId).text(key.endpoint).text(key.adapter).text(key.tier)
                        .text(NO_TAGS).number(key.rateChanged ? 1 : 0)
                        .number(key.measured ? 1 : 0);
                for (long summand : entry.getValue()) {
                    insert.number(summand);
                }
            }
            insert.run();
        }
    }
}
