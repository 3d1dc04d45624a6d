package dev.millrace.server.metering;

/**
 * How much more power a busy device's machine draws than an idle one's, learnt from what a counter
 * gained in windows of different load (least squares through the origin, neither below nothing, a
 * busy one never below an idle one). It only divides what the counter says; the sum stays the
 * counter's. Before windows have differed, idle and busy count as equal.
 */
final class PowerModel {

    /** What a window still counts after the next one. */
    private static final double MEMORY = 0.999;
    /** How far the windows' loads must differ, as the least squared sine between them. */
    private static final double LEAST_SPREAD = 0.01;

    private double idleIdle;
    private double idleBusy;
    private double busyBusy;
    private double idleEnergy;
    private double busyEnergy;

    /** Notes a window. */
    void add(double idleNanos, double busyNanos, double microjoules) {
        double nanos = idleNanos + busyNanos;
        if (nanos <= 0) {
            return;
        }
        double weight = 1 / nanos; // a long window says more, but not by its square
        idleIdle = idleIdle * MEMORY + weight * idleNanos * idleNanos;
        idleBusy = idleBusy * MEMORY + weight * idleNanos * busyNanos;
        busyBusy = busyBusy * MEMORY + weight * busyNanos * busyNanos;
        idleEnergy = idleEnergy * MEMORY + weight * idleNanos * microjoules;
        busyEnergy = busyEnergy * MEMORY + weight * busyNanos * microjoules;
    }

    /** Power of an idle machine over that of a busy one, 0 to 1. */
    double idleShare() {
        double spread = idleIdle * busyBusy - idleBusy * idleBusy;
        if (spread <= LEAST_SPREAD * idleIdle * busyBusy) {
            return 1;
        }
        double idle = (idleEnergy * busyBusy - busyEnergy * idleBusy) / spread;
        double busy = (busyEnergy * idleIdle - idleEnergy * idleBusy) / spread;
        return busy <= 0 ? 1 : Math.clamp(idle / busy, 0, 1);
    }
}
