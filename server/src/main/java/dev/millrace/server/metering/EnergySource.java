package dev.millrace.server.metering;

import java.util.List;

/** Reads how much energy the machine has used. Called by the meter's writer thread alone. */
public interface EnergySource {

    /** A machine that cannot measure its energy. */
    EnergySource NONE = new EnergySource() {
        @Override
        public long microjoules() {
            return -1;
        }

        @Override
        public String description() {
            return "not measured";
        }
    };

    /** Energy since some fixed moment, never falling; or -1 if it cannot be read. */
    long microjoules();

    /** What is measured, for people. */
    String description();

    /**
     * What it adds up, where that is known apart: each part is shared among what it is the energy
     * of. The parts' microjoules together are this source's.
     */
    default List<Part> parts() {
        return List.of(new Part(this, Part.ANY_LANE));
    }

    /**
     * A part of a machine's energy.
     *
     * @param lane whose devices use it, or {@link #ANY_LANE}
     */
    record Part(EnergySource source, int lane) {

        /** Nobody's in particular, as the processor's. */
        public static final int ANY_LANE = -1;
    }
}
