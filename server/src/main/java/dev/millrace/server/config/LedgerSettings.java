package dev.millrace.server.config;

import dev.millrace.server.metering.MeterLimits;
import dev.millrace.server.metering.database.LedgerAddress;
import java.util.List;
import java.util.Optional;

/**
 * What the user wants of the ledger.
 *
 * @param address       where it is, if that was said
 * @param stopsAtOutage whether no requests are taken while it cannot be written
 * @param journal       most requests that are open or wait for it
 * @param keptDays      days after which requests' rows are rolled up; 0 for never
 */
public record LedgerSettings(Optional<LedgerAddress> address, boolean stopsAtOutage, int journal,
        int keptDays) {

    private static final int MOST_DAYS = 36_500;

    static LedgerSettings of(Settings settings) {
        return new LedgerSettings(address(settings),
                settings.choice(Setting.LEDGER_OUTAGE, List.of("serve", "stop")).equals("stop"),
                settings.number(Setting.LEDGER_JOURNAL, 1, MeterLimits.MOST_ACCOUNTS,
                        MeterLimits.DEFAULT.accounts()),
                settings.numberOrOff(Setting.LEDGER_ROLLUP_DAYS, MeterLimits.LEAST_KEPT_DAYS,
                        MOST_DAYS));
    }

    private static Optional<LedgerAddress> address(Settings settings) {
        try {
            return settings.text(Setting.LEDGER).map(LedgerAddress::of);
        } catch (IllegalArgumentException e) {
            throw new ConfigException("ledger is not to be used: " + e.getMessage(), e);
        }
    }

    /** The meter's limits that follow. */
    public MeterLimits limits() {
        return MeterLimits.DEFAULT.atOutage(journal, stopsAtOutage).keeping(keptDays);
    }
}
