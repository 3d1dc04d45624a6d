package dev.millrace.server.metering;

import java.util.Objects;

/**
 * Who asks for what.
 *
 * @param requestId unique; the engine's request id and the ledger's idempotency key
 * @param model     the served model's id
 * @param tenant    whom to bill
 * @param endpoint  the path that was called, such as {@code /v1/chat/completions}
 * @param keyId     the API key that was used, or null where none is needed
 * @param project   the key's project, or null
 * @param adapter   the adapter that the model's id ends with, or null for the model as it is
 * @param tier      how urgently it is served, as the engine's tiers are called
 * @param labels    what the client says about it
 */
public record MeteredRequest(String requestId, String model, String tenant, String endpoint,
        String keyId, String project, String adapter, String tier, RequestLabels labels) {

    /** The tier of a request that asks for none. */
    public static final String DEFAULT_TIER = "default";

    public MeteredRequest {
        Objects.requireNonNull(tier, "tier");
        Objects.requireNonNull(labels, "labels");
    }

    /** A request with a key and nothing else to say. */
    public MeteredRequest(String requestId, String model, String tenant, String endpoint,
            String keyId) {
        this(requestId, model, tenant, endpoint, keyId, null, null, DEFAULT_TIER,
                RequestLabels.NONE);
    }

    /** What a row of a batch has for its endpoint. */
    public static final String BATCHES = "/v1/batches";

    /** Whether it is a row of a batch. */
    public boolean ofBatch() {
        return endpoint.equals(BATCHES);
    }

    /** Whose internal price counts: that of batches for their rows, otherwise the tier's. */
    public static String priceOf(String endpoint, String tier) {
        return endpoint.equals(BATCHES) ? InternalPrices.BATCH : tier;
    }

    /** A request without a key. */
    public MeteredRequest(String requestId, String model, String tenant, String endpoint) {
        this(requestId, model, tenant, endpoint, null);
    }
}
