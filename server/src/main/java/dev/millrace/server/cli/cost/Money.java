package dev.millrace.server.cli.cost;

import java.math.BigDecimal;
import java.util.Locale;

/** Amounts as reports print them. */
final class Money {

    private Money() {}

    /** Nano-dollars, exactly, in dollars. */
    static String usd(long nanoUsd) {
        return BigDecimal.valueOf(nanoUsd, 9).toPlainString();
    }

    /** Four digits after the point; a dash for what there is none of. */
    static String perMillion(double usd) {
        return Double.isNaN(usd) ? "-" : String.format(Locale.ROOT, "%.4f", usd);
    }

    /** Tokens or the like in thousands, millions and so on, three digits. */
    static String count(double count) {
        if (!Double.isFinite(count)) {
            return "-";
        }
        String[] units = {"", "k", "M", "G", "T"};
        int unit = 0;
        double left = count;
        while (left >= 1_000 && unit < units.length - 1) {
            left /= 1_000;
            unit++;
        }
        return String.format(Locale.ROOT, left >= 100 || unit == 0 ? "%.0f%s" : "%.1f%s", left,
                units[unit]);
    }

    static String times(double ratio) {
        return String.format(Locale.ROOT, ratio < 0.1 ? "%.4f" : "%.2f", ratio);
    }

    static String percent(double share) {
        return String.format(Locale.ROOT, share < 0.1 ? "%.2f %%" : "%.1f %%", share * 100);
    }
}
