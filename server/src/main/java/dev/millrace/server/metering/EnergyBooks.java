package dev.millrace.server.metering;

import dev.millrace.engine.LaneReading;
import java.util.List;

/**
 * The machine's energy by what it went to: that of each part of its source among those whose it is,
 * so that a request gets the energy of the GPU that ran it, and of what all share its part.
 *
 * <p>Once a counter fails there is no energy any more rather than a wrong one.
 */
final class EnergyBooks {

    private final EnergySource source;
    private final List<EnergyShares> parts;

    EnergyBooks(EnergySource source) {
        this.source = source;
        this.parts = source.parts().stream().map(EnergyShares::new).toList();
    }

    private boolean measured() {
        return parts.stream().allMatch(EnergyShares::measured);
    }

    /** Reads the counters and shares what they gained. */
    void advance(AccountBook.Snapshot books, LaneReading machine) {
        parts.forEach(part -> part.advance(books, machine));
        note(books.paying());
        note(books.unpaid());
    }

    private static void note(List<Account.Reading> readings) {
        for (Account.Reading reading : readings) {
            reading.account().energyNanos = reading.deviceNanos();
        }
    }

    /** In words, where it comes from. */
    String source() {
        return source.description();
    }

    /** Energy of an account so far, or -1. */
    long of(Account account) {
        return measured() ? account.microjoules : -1;
    }

    /** Energy of a line of the machine since the session began, or -1. */
    long of(MachineTime.Kind kind) {
        boolean without = switch (kind) {
            case OFFLINE, ROUNDING, OPEN -> true;
            default -> !measured();
        };
        return without ? -1 : parts.stream().mapToLong(part -> part.of(kind)).sum();
    }
}
