package dev.millrace.server.metering;

/**
 * Money set aside for one request before it runs. The meter asks for more when it runs low, and
 * says at the end what became of it. Called under the meter's lock and on its writer's thread: a
 * few additions, no I/O, and no call back into the meter.
 */
public interface Allowance {

    /** For requests that no budget ends. */
    Allowance UNLIMITED = new Allowance() {

        @Override
        public boolean limited() {
            return false;
        }

        @Override
        public long nanoUsd() {
            return Long.MAX_VALUE;
        }

        @Override
        public boolean extend(long leastNanoUsd, long wantedNanoUsd) {
            return true;
        }

        @Override
        public void exhausted() {
            throw new IllegalStateException("what has no limit cannot be exhausted");
        }

        @Override
        public void settle(long chargedNanoUsd, long finishedMillis) {
            // nothing was set aside
        }
    };

    /** Whether the request is charged no more than {@link #nanoUsd}, and ends when that is used. */
    boolean limited();

    /** What is set aside by now. */
    long nanoUsd();

    /**
     * Sets more aside.
     *
     * @param leastNanoUsd   less is of no use
     * @param wantedNanoUsd  what would be good, at least {@code leastNanoUsd}
     * @return whether there was enough
     */
    boolean extend(long leastNanoUsd, long wantedNanoUsd);

    /** It is used up and there is no more: whoever runs the request ends it. */
    void exhausted();

    /** Gives back what was not charged; only the first call counts. */
    void settle(long chargedNanoUsd, long finishedMillis);
}
