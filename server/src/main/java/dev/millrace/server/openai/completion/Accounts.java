package dev.millrace.server.openai.completion;

import dev.millrace.server.metering.LedgerException;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.Receipt;
import dev.millrace.server.metering.RequestLabels;
import dev.millrace.server.metering.RequestMeter;
import dev.millrace.server.metering.budget.BudgetException;
import dev.millrace.server.metering.budget.BudgetGate;
import dev.millrace.server.metering.budget.Hold;
import dev.millrace.server.openai.model.ListedModel;
import dev.millrace.server.openai.wire.ApiException;
import dev.millrace.server.tenants.Identity;
import dev.millrace.server.tenants.Quota;
import dev.millrace.server.tenants.QuotaException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens an account before work begins and waits for its receipt at the end, for every route. */
public final class Accounts {

    private static final Logger LOG = LoggerFactory.getLogger(Accounts.class);
    /** The ledger commits in groups every few milliseconds; a disk may have a bad moment. */
    private static final Duration RECEIPT_WAIT = Duration.ofSeconds(10);
    private static final Duration LEDGER_RETRY = Duration.ofSeconds(5);

    private final RequestMeter meter;
    private final RequestMetrics metrics;
    private final BudgetGate gate;

    public Accounts(RequestMeter meter, RequestMetrics metrics, BudgetGate gate) {
        this.gate = gate;
        this.meter = meter;
        this.metrics = metrics;
    }

    /**
     * Sets aside what requests can use at most; {@link SetAside#settle} must follow.
     *
     * @param price      whose internal price counts, as {@link MeteredRequest#priceOf} says
     * @param mostTokens of the caller's limit per minute
     * @throws ApiException 429 if too few tokens are left, 402 if too little money
     */
    public SetAside setAside(Identity identity, ListedModel model, String price, long mostTokens,
            List<BudgetGate.Demand> demands) {
        Quota.Reservation tokens;
        try {
            tokens = identity.quota().reserve(mostTokens);
        } catch (QuotaException e) {
            throw ApiException.limited(e);
        }
        boolean complete = false;
        try {
            SetAside setAside = new SetAside(tokens, gate.reserve(identity.payer(), model.id(),
                    price, demands));
            complete = true;
            return setAside;
        } catch (BudgetException e) {
            throw ApiException.unaffordable(e);
        } finally {
            if (!complete) {
                tokens.settle(0);
            }
        }
    }

    /**
     * What cannot be written down is not done.
     *
     * @param tier how urgently it is served
     * @param hold the money that is set aside for it
     * @throws ApiException 503 if it cannot
     */
    public CompletableFuture<Receipt> open(String requestId, ListedModel model, Identity identity,
            String endpoint, RequestLabels labels, String tier, Hold hold) {
        try {
            CompletableFuture<Receipt> receipt = meter.open(new MeteredRequest(requestId,
                    model.id(), identity.tenant(), endpoint, identity.keyId(), identity.project(),
                    adapter(model), tier, labels), hold);
            hold.use();
            identity.notes().opened(requestId, model.id());
            return receipt.whenComplete((paid, failure) -> {
                if (paid != null) {
                    identity.notes().paid(paid.costNanoUsd());
                }
            });
        } catch (LedgerException e) {
            LOG.error("no account for {}", requestId, e);
            throw ApiException.overloaded("the ledger takes no more requests for now",
                    LEDGER_RETRY);
        }
    }

    /** What the model's id ends with where it is an adapter; otherwise null. */
    private static String adapter(ListedModel model) {
        return model.parent().map(base -> model.id().substring(base.length() + 1)).orElse(null);
    }

    /** Closes the account of a request that the engine did not take. */
    public void refuse(String requestId) {
        meter.refuse(requestId, "refused by the engine");
    }

    /**
     * Waits for receipts; empty if one did not come in time.
     *
     * @param answerId the answer that they are for, for the log
     */
    public List<Receipt> await(List<CompletableFuture<Receipt>> receipts, String answerId)
            throws InterruptedException {
        List<Receipt> paid = new ArrayList<>();
        long deadline = System.nanoTime() + RECEIPT_WAIT.toNanos();
        try {
            for (CompletableFuture<Receipt> receipt : receipts) {
                paid.add(receipt.get(Math.max(1, deadline - System.nanoTime()),
                        TimeUnit.NANOSECONDS));
            }
            return paid;
        } catch (ExecutionException | TimeoutException e) {
            // The answer was paid for and is good; that its price is unknown is said, not hidden.
            LOG.error("no receipt for {}; its usage.cost is null", answerId, e);
            metrics.unpriced();
            return List.of();
        }
    }
}
