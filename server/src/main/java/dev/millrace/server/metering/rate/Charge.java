package dev.millrace.server.metering.rate;

/**
 * An exact amount of money: whole nano-dollars and what is left over.
 *
 * @param nanoUsd  whole nano-dollars, rounded down
 * @param fraction the rest, in 1/{@link #FRACTIONS} of a nano-dollar; never negative and always
 *                 less than {@link #FRACTIONS}
 */
public record Charge(long nanoUsd, long fraction) {

    /**
     * Fractions in one nano-dollar. Nanoseconds times nano-dollars per hour is a whole number of
     * them, which is why the books can balance exactly.
     */
    public static final long FRACTIONS = 3_600_000_000_000L;

    public static final Charge ZERO = new Charge(0, 0);

    public Charge {
        if (fraction < 0 || fraction >= FRACTIONS) {
            throw new IllegalArgumentException("fraction must be between 0 and " + (FRACTIONS - 1)
                    + ", got " + fraction);
        }
    }

    public Charge plus(Charge other) {
        long fractions = fraction + other.fraction;
        long carry = fractions / FRACTIONS;
        return new Charge(Math.addExact(nanoUsd + carry, other.nanoUsd), fractions % FRACTIONS);
    }

    /** This less another amount; negative if that is more. */
    public Charge minus(Charge other) {
        long fractions = fraction - other.fraction;
        return new Charge(Math.subtractExact(nanoUsd + Math.floorDiv(fractions, FRACTIONS),
                other.nanoUsd), Math.floorMod(fractions, FRACTIONS));
    }

    /** The part that a row of whole nano-dollars cannot hold; it goes to the rounding row. */
    public Charge remainder() {
        return new Charge(0, fraction);
    }
}
