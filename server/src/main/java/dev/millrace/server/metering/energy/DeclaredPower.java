package dev.millrace.server.metering.energy;

import dev.millrace.engine.LaneReading;
import dev.millrace.server.metering.EnergySource;
import dev.millrace.server.metering.rate.PowerCurve;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Energy of a machine without counters, from what its owner declares that it draws: between two
 * readings the watts of how busy the device was, times the time. Nothing is measured but the time.
 */
public final class DeclaredPower implements EnergySource {

    private static final double MICROJOULES_PER_WATT_NANO = 1e-3;

    private final PowerCurve curve;
    private final Supplier<LaneReading> lane;
    private LaneReading last = LaneReading.START;
    private double microjoules;

    private DeclaredPower(PowerCurve curve, Supplier<LaneReading> lane) {
        this.curve = curve;
        this.lane = lane;
    }

    /**
     * What tells a machine's energy: its counters where they can be read, else what is declared.
     *
     * @param measured the counters, or a source that says -1
     * @param declared watts of the configuration; empty where nobody has said any
     * @param lane     the device's clock
     */
    public static EnergySource unless(EnergySource measured, Optional<PowerCurve> declared,
            Supplier<LaneReading> lane) {
        return measured.microjoules() >= 0 || declared.isEmpty()
                ? measured
                : new DeclaredPower(declared.get(), lane);
    }

    @Override
    public long microjoules() {
        LaneReading now = lane.get();
        long nanos = now.elapsedNanos() - last.elapsedNanos();
        if (nanos > 0) {
            double load = (double) (nanos - (now.idleNanos() - last.idleNanos())) / nanos;
            microjoules += curve.watts(load) * nanos * MICROJOULES_PER_WATT_NANO;
            last = now;
        }
        return (long) microjoules;
    }

    @Override
    public String description() {
        return String.format(Locale.ROOT,
                "declared, not measured: %.0f W idle to %.0f W under load", curve.idleWatts(),
                curve.loadWatts());
    }
}
