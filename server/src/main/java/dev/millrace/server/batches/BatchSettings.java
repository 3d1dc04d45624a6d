package dev.millrace.server.batches;

import dev.millrace.server.store.FileLimits;

/**
 * What the operator wants of files and batches.
 *
 * @param files how much they may take
 * @param rows  of all batches together that run at once
 * @param price of a row
 */
public record BatchSettings(FileLimits files, int rows, BatchPrice price) {

    public BatchSettings {
        if (rows < 1) {
            throw new IllegalArgumentException("at least one row must run at once, got " + rows);
        }
    }
}
