package dev.millrace.server.metering;

import dev.millrace.server.metering.attribution.LearntWeights.InForce;
import java.util.List;

/**
 * Everything that one transaction writes; the books balance before and after it.
 *
 * @param heartbeatMillis wall clock
 * @param laneNanos       the device's clock since the rate began
 * @param windowMillis    the hour that the machine's time belongs to
 * @param requests        finished since the last posting
 * @param open            in progress and changed since the last checkpoint; empty between
 *                        checkpoints
 * @param times           the hour's totals so far
 * @param weights         that came into force
 * @param last            whether the session ends with it
 */
record Posting(long heartbeatMillis, long laneNanos, long windowMillis, List<RequestRow> requests,
        List<OpenRow> open, List<MachineTime> times, List<InForce> weights, boolean last) {}
