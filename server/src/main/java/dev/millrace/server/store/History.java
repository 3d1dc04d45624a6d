package dev.millrace.server.store;

import java.util.List;

/**
 * What a response continues: all items of its predecessors, oldest first.
 *
 * @param missingId of a response that is no longer there; null if all are
 * @param tooLong   whether it is more than one response may continue, and empty for that reason
 */
public record History(List<StoredItem> items, String missingId, boolean tooLong) {

    static History of(List<StoredItem> items) {
        return new History(List.copyOf(items), null, false);
    }

    static History missing(String id) {
        return new History(List.of(), id, false);
    }

    static History beyondLimits() {
        return new History(List.of(), null, true);
    }
}
