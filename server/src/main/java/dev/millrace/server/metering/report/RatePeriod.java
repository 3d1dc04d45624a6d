package dev.millrace.server.metering.report;

import dev.millrace.server.metering.rate.CostModel;

/**
 * A time of one rate.
 *
 * @param beganMillis wall clock
 * @param rate        its parts
 * @param laneNanos   how long, on the device's own clock
 */
public record RatePeriod(long beganMillis, CostModel rate, long laneNanos) {}
