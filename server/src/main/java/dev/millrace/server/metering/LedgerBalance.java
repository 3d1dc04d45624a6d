package dev.millrace.server.metering;

import dev.millrace.server.metering.rate.Charge;
import java.math.BigInteger;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * Whether everything that was charged is everything that the machine cost. The one side is the sum
 * of the ledger's rows; the other is rate times time as the device's own clock and the gaps between
 * sessions have it, which no row was made from. Compared exactly, in fractions of nano-dollars.
 */
public final class LedgerBalance {

    /** The lines' names: requests, and every {@link MachineTime.Kind}. */
    public static final String REQUESTS = "requests";

    private static final String ROUNDING = MachineTime.Kind.ROUNDING.sqlName();
    private static final BigInteger FRACTIONS = BigInteger.valueOf(Charge.FRACTIONS);

    private final Map<String, Long> lines;
    private final BigInteger charged;
    private final BigInteger bill;

    /**
     * @param charges per line, what its rows say
     * @param bill    rate x time, in fractions of a nano-dollar
     */
    LedgerBalance(Map<String, Charge> charges, BigInteger bill) {
        BigInteger sum = BigInteger.ZERO;
        long whole = 0;
        Map<String, Long> nanoUsd = new TreeMap<>();
        for (Map.Entry<String, Charge> line : charges.entrySet()) {
            sum = sum.add(BigInteger.valueOf(line.getValue().nanoUsd()).multiply(FRACTIONS))
                    .add(BigInteger.valueOf(line.getValue().fraction()));
            nanoUsd.put(line.getKey(), line.getValue().nanoUsd());
            whole += line.getValue().nanoUsd();
        }
        long fractions = sum.divide(FRACTIONS).longValueExact() - whole;
        nanoUsd.merge(ROUNDING, fractions, Long::sum);
        this.lines = Collections.unmodifiableMap(nanoUsd);
        this.charged = sum;
        this.bill = bill;
    }

    /** Nano-dollars per line; the fractions of all rows are in the rounding line. */
    public Map<String, Long> linesNanoUsd() {
        return lines;
    }

    /** The sum of all lines. */
    public long chargedNanoUsd() {
        return charged.divide(FRACTIONS).longValueExact();
    }

    /** Rate times time. */
    public long billNanoUsd() {
        return bill.divide(FRACTIONS).longValueExact();
    }

    /** Charged less bill; rounded away from zero, so that it is 0 only if the books balance. */
    public long differenceNanoUsd() {
        BigInteger[] parts = charged.subtract(bill).divideAndRemainder(FRACTIONS);
        return parts[0].longValueExact() + parts[1].signum();
    }

    public boolean balances() {
        return charged.equals(bill);
    }
}
