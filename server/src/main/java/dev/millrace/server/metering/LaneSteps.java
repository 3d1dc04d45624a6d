package dev.millrace.server.metering;

/** What the steps of one lane went to, beside requests, as the engine reported them. */
final class LaneSteps {

    long toldNanos;
    long recomputeNanos;
    long rejectedNanos;
    long unrecordedNanos;

    /**
     * The sums at one moment.
     *
     * @param toldNanos all step time that was reported, whoever it went to
     */
    record Reading(long toldNanos, long recomputeNanos, long rejectedNanos, long unrecordedNanos) {

        private static final Reading NONE = new Reading(0, 0, 0, 0);

        private Reading plus(Reading other) {
            return new Reading(toldNanos + other.toldNanos, recomputeNanos + other.recomputeNanos,
                    rejectedNanos + other.rejectedNanos, unrecordedNanos + other.unrecordedNanos);
        }

        /** Of all lanes together. */
        static Reading together(Iterable<Reading> lanes) {
            Reading sum = NONE;
            for (Reading lane : lanes) {
                sum = sum.plus(lane);
            }
            return sum;
        }
    }

    Reading read() {
        return new Reading(toldNanos, recomputeNanos, rejectedNanos, unrecordedNanos);
    }
}
