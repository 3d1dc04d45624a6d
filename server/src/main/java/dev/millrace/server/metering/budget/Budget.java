package dev.millrace.server.metering.budget;

import java.time.ZoneId;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * What may be spent in every day or month.
 *
 * @param name        of the team, project or key; empty for the server
 * @param hardNanoUsd not a nano-dollar more; empty for no such limit
 * @param softNanoUsd from here on there are warnings; empty for none
 * @param zone        in which days and months begin
 */
public record Budget(BudgetScope scope, String name, BudgetPeriod period, OptionalLong hardNanoUsd,
        OptionalLong softNanoUsd, ZoneId zone) {

    /** Most that a limit can be: a billion dollars. */
    public static final long MOST_NANO_USD = 1_000_000_000_000_000_000L;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** What a budget is known by: there is one for each. */
    public record Id(BudgetScope scope, String name, BudgetPeriod period) {}

    public Budget {
        requireName(scope, name);
        requireLimit("hard", hardNanoUsd);
        requireLimit("soft", softNanoUsd);
        if (hardNanoUsd.isEmpty() && softNanoUsd.isEmpty()) {
            throw new IllegalArgumentException("a budget needs a hard limit, a soft one or both");
        }
        if (hardNanoUsd.isPresent() && softNanoUsd.isPresent()
                && softNanoUsd.getAsLong() > hardNanoUsd.getAsLong()) {
            throw new IllegalArgumentException("the soft limit (" + Dollars.text(softNanoUsd
                    .getAsLong()) + " USD) must not be above the hard one ("
                    + Dollars.text(hardNanoUsd.getAsLong()) + " USD): it would never warn");
        }
    }

    /** @throws IllegalArgumentException if nothing of this scope can be called that */
    static void requireName(BudgetScope scope, String name) {
        if (scope == BudgetScope.SERVER ? !name.isEmpty() : !NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(scope == BudgetScope.SERVER
                    ? "the budget of the server has no name, got \"" + name + "\""
                    : "the name of a " + scope.word() + " must be 1 to 64 letters, digits, dots,"
                            + " dashes or underscores, got \"" + name + "\"");
        }
    }

    private static void requireLimit(String which, OptionalLong limit) {
        if (limit.isPresent() && (limit.getAsLong() < 0 || limit.getAsLong() > MOST_NANO_USD)) {
            throw new IllegalArgumentException("the " + which + " limit must be between 0 and "
                    + Dollars.text(MOST_NANO_USD) + " USD, got " + Dollars.text(limit
                            .getAsLong()));
        }
    }

    public Id id() {
        return new Id(scope, name, period);
    }

    /** For people: {@code team research, per month}. */
    public String label() {
        return scope.word() + (name.isEmpty() ? "" : " " + name) + ", per " + period.word();
    }

    /** Whether it bounds what a payer spends. */
    boolean covers(Payer payer) {
        return switch (scope) {
            case SERVER -> true;
            case TEAM -> name.equals(payer.team());
            case PROJECT -> name.equals(payer.project());
            case KEY -> name.equals(payer.key());
        };
    }
}
