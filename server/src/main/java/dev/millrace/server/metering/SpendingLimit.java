package dev.millrace.server.metering;

import dev.millrace.server.metering.rate.Charge;
import java.math.BigInteger;

/**
 * For how much device time an account's allowance lasts. The {@link AccountBook} guards it.
 *
 * <p>What a step takes is known when it is over. So more is asked for while another step like the
 * last still fits, and a request that gets no more ends when the next token does not fit, or at the
 * latest when all is used; what its last step took beyond that is never charged.
 */
final class SpendingLimit {

    /** Steps like the last that an extension is good for, if there is enough. */
    private static final int EXTENSION_STEPS = 32;

    private final Allowance allowance;
    private final int ppm;
    private long nanoUsdPerHour;
    private long settledNanoUsd;
    private long settledNanos;
    private long limitNanos = Long.MAX_VALUE;
    private boolean ended;

    /** @param ppm what is charged for a dollar of cost, in millionths */
    SpendingLimit(Allowance allowance, int ppm) {
        this.allowance = allowance;
        this.ppm = ppm;
    }

    Allowance allowance() {
        return allowance;
    }

    /** A rate begins. @param settled what the account's time up to now has cost */
    void price(long rateNanoUsdPerHour, long settledCostNanoUsd, long nanos) {
        nanoUsdPerHour = rateNanoUsdPerHour;
        settledNanoUsd = settledCostNanoUsd;
        settledNanos = nanos;
        recompute();
    }

    private void recompute() {
        if (allowance.limited()) {
            long costNanoUsd = InternalPrices.costOf(allowance.nanoUsd(), ppm);
            limitNanos = costNanoUsd == Long.MAX_VALUE
                    ? Long.MAX_VALUE
                    : saturated(settledNanos, Math.max(0, costNanoUsd - settledNanoUsd));
        }
    }

    /** The device time at which a cost beyond what is settled is reached, at the present rate. */
    private long saturated(long fromNanos, long costNanoUsd) {
        BigInteger nanos = BigInteger.valueOf(costNanoUsd)
                .multiply(BigInteger.valueOf(Charge.FRACTIONS))
                .divide(BigInteger.valueOf(nanoUsdPerHour)).add(BigInteger.valueOf(fromNanos));
        return nanos.bitLength() < Long.SIZE ? nanos.longValue() : Long.MAX_VALUE;
    }

    /**
     * The account has used so much by now.
     *
     * @param lastNanos of the step that is just over
     * @param decoded   whether that step gave it a token, so that the next will be like it
     */
    void used(long usedNanos, long lastNanos, boolean decoded) {
        if (usedNanos + lastNanos <= limitNanos || ended) {
            return;
        }
        long missingNanos = Math.max(0, usedNanos - limitNanos) + lastNanos;
        long least = chargedFor(missingNanos);
        long wanted = chargedFor(missingNanos + EXTENSION_STEPS * lastNanos);
        if (allowance.extend(least, wanted)) {
            recompute();
        } else if (decoded || usedNanos >= limitNanos) {
            ended = true;
            allowance.exhausted();
        }
    }

    /** Rounded up, so that it is enough. */
    private long chargedFor(long nanos) {
        BigInteger cost = BigInteger.valueOf(nanos).multiply(BigInteger.valueOf(nanoUsdPerHour))
                .divide(BigInteger.valueOf(Charge.FRACTIONS)).add(BigInteger.ONE);
        return InternalPrices.charged(cost.longValueExact(), ppm) + 1;
    }

    /** What teams are charged for a cost: its internal price, but no more than was set aside. */
    long charged(long costNanoUsd) {
        long price = InternalPrices.charged(costNanoUsd, ppm);
        return allowance.limited() ? Math.min(price, allowance.nanoUsd()) : price;
    }

    /** What a cost has of its internal price that nobody is charged. */
    long overrun(long costNanoUsd) {
        return InternalPrices.charged(costNanoUsd, ppm) - charged(costNanoUsd);
    }
}
