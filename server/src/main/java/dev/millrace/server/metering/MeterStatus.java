package dev.millrace.server.metering;

/**
 * A snapshot for metrics.
 *
 * @param openAccounts      requests in progress
 * @param unpaidAccounts    finished requests that the ledger does not have yet
 * @param postings          transactions written since the session began
 * @param failedPostings    transactions that failed and were tried again
 * @param failedReceipts    receipts that failed because the ledger could not be written for too
 *                          long
 * @param unrecordedNanos   step time that had no account to go to
 * @param recomputeNanos    step time spent on tokens computed again
 * @param rejectedNanos     step time spent on guesses that the model did not say
 * @param allocationFactor  the session's bill over the cost of its requests; NaN without any
 * @param overrunNanoUsd    what requests took beyond what was set aside for them, since the session
 *                          began
 */
public record MeterStatus(int openAccounts, int unpaidAccounts, long postings, long failedPostings,
        long failedReceipts, long unrecordedNanos, long recomputeNanos, long rejectedNanos,
        double allocationFactor, long overrunNanoUsd) {}
