package dev.millrace.server.metering.budget;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** Amounts of money as people write them: dollars with at most nine decimals. */
public final class Dollars {

    private static final int NANO_DIGITS = 9;
    private static final int CENT_DIGITS = 2;

    private Dollars() {}

    /** Nano-dollars as dollars: exact, with two decimals at least. */
    public static String text(long nanoUsd) {
        BigDecimal usd = BigDecimal.valueOf(nanoUsd, NANO_DIGITS).stripTrailingZeros();
        return (usd.scale() < CENT_DIGITS ? usd.setScale(CENT_DIGITS) : usd).toPlainString();
    }

    /**
     * Dollars as nano-dollars.
     *
     * @param what the amount is called, for the message
     * @throws IllegalArgumentException if it is negative, too large, or finer than a nano-dollar
     */
    public static long nanoUsd(String what, BigDecimal usd) {
        BigDecimal nano = usd.movePointRight(NANO_DIGITS);
        if (usd.signum() < 0 || nano.compareTo(BigDecimal.valueOf(Budget.MOST_NANO_USD)) > 0
                || nano.setScale(0, RoundingMode.DOWN).compareTo(nano) != 0) {
            throw new IllegalArgumentException(what + " must be from 0 to "
                    + text(Budget.MOST_NANO_USD) + " USD with at most " + NANO_DIGITS
                    + " decimals, got " + usd);
        }
        return nano.longValueExact();
    }
}
