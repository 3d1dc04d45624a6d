package dev.millrace.server.http;

import dev.millrace.server.batches.BatchSettings;
import dev.millrace.server.store.BatchStore;
import dev.millrace.server.store.StoreDatabase;

/**
 * What clients may leave with a server; none of it is closed with the server.
 *
 * @param database of all of it
 * @param batches  and the files that they read and write
 * @param settings how batches run
 */
public record Storage(StoreDatabase database, BatchStore batches, BatchSettings settings) {}
