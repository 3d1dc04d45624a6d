package dev.millrace.server.metering.energy;

import dev.millrace.server.metering.EnergySource;

/**
 * A machine whose energy is not known.
 *
 * @param reason as part of a sentence
 */
record UnmeasuredEnergy(String reason) implements EnergySource {

    @Override
    public long microjoules() {
        return -1;
    }

    @Override
    public String description() {
        return "not measured: " + reason;
    }
}
