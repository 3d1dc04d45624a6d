package dev.millrace.server.metering;

import dev.millrace.engine.TokenUsage;
import dev.millrace.server.metering.rate.Charge;
import dev.millrace.server.metering.rate.CostModel;
import java.util.concurrent.CompletableFuture;

/**
 * What one request has used so far. The {@link AccountBook} guards it until it is finished; then
 * nothing but the writer's fields changes.
 */
final class Account {

    final MeteredRequest request;
    final long beganMillis;
    final SpendingLimit limit;
    final CompletableFuture<Receipt> receipt = new CompletableFuture<>();

    long prefillNanos;
    long decodeNanos;
    long computedTokens;
    long decodedTokens;
    int lane; // that its steps ran on

    String finishReason;
    String detail;
    TokenUsage usage;
    long finishedMillis;
    long finishedNanoTime;

    // The writer's own: energy so far, the time that it was given for, the time checkpointed.
    long microjoules;
    long energyNanos;
    long checkpointedNanos;

    // Also the writer's: what was used before the rate last changed, and what that costs.
    long settledNanos;
    Charge settled = Charge.ZERO;

    Account(MeteredRequest request, SpendingLimit limit, long beganMillis) {
        this.request = request;
        this.limit = limit;
        this.beganMillis = beganMillis;
    }

    /** An immutable copy of the sums, as of now. */
    record Reading(Account account, int lane, long prefillNanos, long decodeNanos,
            long computedTokens, long decodedTokens) {

        long deviceNanos() {
            return prefillNanos + decodeNanos;
        }

        /** What it costs so far: each part of its time at the rate of that time. */
        Charge charge(CostModel rate) {
            return account.settled.plus(rate.charge(deviceNanos() - account.settledNanos));
        }
    }

    Reading read() {
        return new Reading(this, lane, prefillNanos, decodeNanos, computedTokens,
                decodedTokens);
    }
}
