package dev.millrace.server.metering;

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
}
