package dev.millrace.server.metering.report;

import dev.millrace.server.metering.prices.HostedPrice;
import java.util.List;
import java.util.Optional;

/**
 * One hosted price beside this machine, for the same requests.
 *
 * @param sameWeights      whether the host runs the same model
 * @param hostedNanoUsd    what the requests would have cost there
 * @param blendedPerMillion that, in dollars per million tokens of the mixture
 * @param ratio            that over what the bill says they cost here: above 1 this machine is
 *                         cheaper
 * @param p5               5th percentile of the ratio; NaN where the trace is too short to say
 * @param p95              95th percentile; NaN as above
 * @param swings           what would move the ratio, widest first
 */
public record HostComparison(HostedPrice price, boolean sameWeights, long hostedNanoUsd,
        double blendedPerMillion, double ratio, double p5, double p95, List<Swing> swings) {

    /** The ratio if one thing were otherwise. */
    public record Swing(String what, String low, double lowRatio, String high,
            double highRatio) {

        /** How far the ratio moves. */
        public double width() {
            return Math.abs(highRatio - lowRatio);
        }
    }

    static HostComparison of(HostedPrice price, boolean sameWeights, long hostedNanoUsd,
            double blendedPerMillion, double ratio, Optional<Bootstrap.Interval> interval,
            List<Swing> swings) {
        return new HostComparison(price, sameWeights, hostedNanoUsd, blendedPerMillion, ratio,
                interval.map(Bootstrap.Interval::p5).orElse(Double.NaN),
                interval.map(Bootstrap.Interval::p95).orElse(Double.NaN), swings);
    }
}
