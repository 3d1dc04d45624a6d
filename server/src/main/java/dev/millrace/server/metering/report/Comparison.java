package dev.millrace.server.metering.report;

import dev.millrace.server.metering.LedgerReader;
import dev.millrace.server.metering.LedgerSummary;
import dev.millrace.server.metering.prices.HostedPrice;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.report.HostComparison.Swing;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A served model's requests, priced here by the allocation basis (the whole bill, idle time
 * included) and at every hosted price that compares.
 *
 * @param model           the served model
 * @param hostedModel     what it is compared with; null if nothing compares
 * @param sameWeights     whether that is the same model
 * @param use             its requests
 * @param usageNanoUsd    what they consumed
 * @param allocationNanoUsd their share of the whole bill
 * @param own             what the machine costs and can do
 * @param hosts           cheapest first for these requests
 * @param assumed         whether the machine's rate is assumed rather than configured
 */
public record Comparison(String model, String hostedModel, boolean sameWeights, UseGroup use,
        long usageNanoUsd, long allocationNanoUsd, OwnCost own, List<HostComparison> hosts,
        boolean assumed) {

    /** Blocks of the trace that the bootstrap resamples. */
    private static final int BLOCKS = 24;
    private static final double PER_MILLION = 1e6;
    private static final double NANO = 1e-9;

    /**
     * Compares.
     *
     * @param model the served model
     * @param extra hosted prices to compare with beside those that the catalog finds
     * @throws IllegalArgumentException if the ledger has no tokens of that model
     */
    public static Comparison of(LedgerReader ledger, PriceCatalog catalog, String model,
            List<HostedPrice> extra) {
        LedgerSummary summary = ledger.summary();
        PriceCatalog.Match match = catalog.match(model);
        List<HostedPrice> prices = new ArrayList<>(match.prices());
        extra.stream().filter(price -> !prices.contains(price)).forEach(prices::add);
        UseGroup use = new UseGroup();
        double[][] hosted = new double[prices.size()][BLOCKS];
        double[] own = new double[BLOCKS];
        long[] sums = new long[prices.size()];
        long first = summary.beganMillis();
        long span = Math.max(1, summary.heartbeatMillis() - first + 1);
        ledger.forEachRequest(row -> {
            if (!row.model().equals(model)) {
                return;
            }
            use.add(row);
            int block = Math.clamp((row.finishedMillis() - first) * BLOCKS / span, 0,
                    BLOCKS - 1);
            own[block] += row.costNanoUsd();
            TraceRow one = row.one();
            for (int i = 0; i < sums.length; i++) {
                long nanoUsd = row.requests() * prices.get(i).nanoUsd(one.promptTokens(),
                        Math.min(one.cachedTokens(), one.promptTokens()), one.completionTokens(),
                        one.ofBatch());
                sums[i] += nanoUsd;
                hosted[i][block] += nanoUsd;
            }
        });
        if (use.tokens() == 0) {
            throw new IllegalArgumentException("the ledger has no tokens of a model \"" + model
                    + "\" (it has: " + String.join(", ", summary.models().stream()
                            .map(LedgerSummary.ModelUse::model).toList())
                    + ")");
        }
        double factor = summary.allocationFactor();
        OwnCost machine = machine(ledger, use, factor);
        List<HostComparison> hosts = new ArrayList<>();
        for (int i = 0; i < sums.length; i++) {
            double blended = sums[i] * NANO / use.tokens() * PER_MILLION;
            double ratio = sums[i] / (use.costNanoUsd() * factor);
            double[] bill = new double[BLOCKS];
            for (int block = 0; block < BLOCKS; block++) {
                bill[block] = own[block] * factor;
            }
            hosts.add(HostComparison.of(prices.get(i), match.same() && i < match.prices().size(),
                    sums[i], blended, ratio, Bootstrap.ratio(hosted[i], bill),
                    swings(machine, use, prices.get(i), sums[i], ratio)));
        }
        hosts.sort(Comparator.comparingLong(HostComparison::hostedNanoUsd));
        return new Comparison(model, match.model(), match.same(), use, use.costNanoUsd(),
                Math.round(use.costNanoUsd() * factor), machine, hosts, summary.assumed());
    }

    private static OwnCost machine(LedgerReader ledger, UseGroup use, double factor) {
        double nanos = 0;
        double nanoUsd = 0;
        double energy = 0;
        double depreciation = 0;
        for (RatePeriod period : ledger.ratePeriods()) {
            // a period of no time still says what the rate is
            double weight = Math.max(1, period.laneNanos());
            nanos += weight;
            nanoUsd += weight * period.rate().nanoUsdPerHour();
            energy += weight * period.rate().energyNanoUsdPerHour();
            depreciation += weight * period.rate().depreciationNanoUsdPerHour();
        }
        return new OwnCost(nanoUsd / nanos * NANO, energy / nanoUsd, depreciation / nanoUsd,
                use.tokens() / Math.max(NANO, use.deviceNanos() * NANO), 1 / factor,
                (double) use.prefillNanos() / Math.max(1, use.deviceNanos()),
                use.promptTokens() == 0 ? 0 : (double) use.cachedTokens() / use.promptTokens());
    }

    /** One thing at a time; each ratio is the measured one times what the change does to it. */
    private static List<Swing> swings(OwnCost own, UseGroup use, HostedPrice price,
            long hostedNanoUsd, double ratio) {
        List<Swing> swings = new ArrayList<>();
        double twice = Math.min(1, own.utilisation() * 2);
        swings.add(new Swing("utilisation", percent(own.utilisation() / 2), ratio / 2,
                percent(twice), ratio * twice / own.utilisation()));
        swings.add(new Swing("throughput", "half", ratio / 2, "twice", ratio * 2));
        swings.add(new Swing("energy price", "+50 %", ratio / (1 + own.energyShare() / 2),
                "-50 %", ratio / (1 - own.energyShare() / 2)));
        swings.add(new Swing("lifetime", "-25 %", ratio / (1 + own.purchaseShare() / 3),
                "+50 %", ratio / (1 - own.purchaseShare() / 3)));
        swings.add(new Swing("hosted price", "-50 %", ratio / 2, "unchanged", ratio));
        double kept = 1 - own.cachedShare();
        if (own.cachedShare() > 0 && kept > 0) {
            long uncached = price.nanoUsd(use.promptTokens(), 0, use.completionTokens(), false);
            double dearer = 1 - own.prefillShare() + own.prefillShare() / kept;
            swings.add(new Swing("cached prompts", "none", ratio * uncached
                    / Math.max(1, hostedNanoUsd) / dearer, percent(own.cachedShare()), ratio));
        }
        swings.sort(Comparator.comparingDouble(Swing::width).reversed());
        return swings;
    }

    private static String percent(double share) {
        return Math.round(share * 1000) / 10.0 + " %";
    }
}
