package dev.millrace.server.metering.budget;

import dev.millrace.server.metering.InternalPrices;
import dev.millrace.server.metering.MeteredRequest;
import dev.millrace.server.metering.TokenTimes;
import dev.millrace.server.metering.rate.CostModel;
import java.util.List;
import java.util.function.Supplier;

/**
 * What every request passes before it runs: the most that it is thought to cost is set aside, or it
 * is turned away.
 *
 * <p>How long a token takes depends on what else runs, which nobody knows ahead. So the most is
 * {@value #CAUTION} times what the model's tokens have taken on average, for the whole prompt as if
 * none of it were cached and for all tokens that may be generated, at the rate and the internal
 * price of now. What that is short of is set aside while the request runs.
 */
public final class BudgetGate {

    /** Lone requests take longer than the average, which had company in its steps. */
    static final int CAUTION = 2;

    private final Budgets budgets;
    private final TokenTimes times;
    private final Supplier<CostModel> rate;
    private final InternalPrices prices;

    /**
     * What one request may use.
     *
     * @param promptTokens     to compute
     * @param completionTokens most that it may generate
     */
    public record Demand(String requestId, long promptTokens, long completionTokens) {}

    public BudgetGate(Budgets budgets, TokenTimes times, Supplier<CostModel> rate,
            InternalPrices prices) {
        this.budgets = budgets;
        this.times = times;
        this.rate = rate;
        this.prices = prices;
    }

    /** A gate that is always open. */
    public static BudgetGate open() {
        return new BudgetGate(Budgets.none(), new TokenTimes(), () -> CostModel.ofRent(1, true),
                InternalPrices.AT_COST);
    }

    public Budgets budgets() {
        return budgets;
    }

    /**
     * Sets money aside for requests that come together.
     *
     * @param price whose internal price counts, as {@link MeteredRequest#priceOf} says
     * @return one for each, in their order
     * @throws BudgetException if a budget has too little left for all of them
     */
    public List<Hold> reserve(Payer payer, String model, String price, List<Demand> demands) {
        return budgets.reserve(payer, demands.stream().map(demand -> new Budgets.Wanted(
                demand.requestId(), mostNanoUsd(model, price, demand.promptTokens(),
                        demand.completionTokens())))
                .toList());
    }

    /** What is set aside for a request. */
    public long mostNanoUsd(String model, String price, long promptTokens, long completionTokens) {
        long nanos = Math.multiplyExact(CAUTION, times.nanos(model, promptTokens,
                completionTokens));
        long costNanoUsd = rate.get().charge(nanos).nanoUsd() + 1;
        int ppm = prices.ppmOf(price);
        return ppm == 0 ? 0 : InternalPrices.charged(costNanoUsd, ppm) + 1;
    }
}
