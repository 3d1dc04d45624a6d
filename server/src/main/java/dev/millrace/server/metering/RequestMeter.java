package dev.millrace.server.metering;

import java.util.concurrent.CompletableFuture;

/** The meter as an HTTP handler sees it: open an account, submit, await the receipt. */
public interface RequestMeter {

    /**
     * Opens the account of a request; call before submitting it to the engine. Every opened request
     * gets exactly one ledger row.
     *
     * @param allowance what is set aside for it; the meter settles it
     * @return completes when the row is in the ledger, after the engine has finished the request
     */
    CompletableFuture<Receipt> open(MeteredRequest request, Allowance allowance);

    /** The same of a request that no budget ends. */
    default CompletableFuture<Receipt> open(MeteredRequest request) {
        return open(request, Allowance.UNLIMITED);
    }

    /** Closes an account whose request the engine refused, so that it costs nothing. */
    void refuse(String requestId, String reason);
}
