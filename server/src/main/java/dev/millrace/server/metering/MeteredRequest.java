package dev.millrace.server.metering;

/**
 * Who asks for what.
 *
 * @param requestId unique; the engine's request id and the ledger's idempotency key
 * @param model     the served model's id
 * @param tenant    whom to bill
 * @param endpoint  the path that was called, such as {@code /v1/chat/completions}
 * @param keyId     the API key that was used, or null where none is needed
 */
public record MeteredRequest(String requestId, String model, String tenant, String endpoint,
        String keyId) {

    /** A request without a key. */
    public MeteredRequest(String requestId, String model, String tenant, String endpoint) {
        this(requestId, model, tenant, endpoint, null);
    }
}
