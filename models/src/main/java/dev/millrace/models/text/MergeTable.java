package dev.millrace.models.text;

import java.util.SplittableRandom;

/** Which two adjacent tokens merge, how soon and into what: found by the two ids. */
final class MergeTable {

    /** No merge; larger than every value that is one. */
    static final long NONE = Long.MAX_VALUE;

    private static final long EMPTY = -1;
    private static final long HASH_FACTOR = 0x9e37_79b9_7f4a_7c15L;

    /** Slots per word of the filter, of which one slot in two is used: an eighth of all bits. */
    private static final int FILTER_SHARE = 16;

    private final int mask;
    /** Pairs and values in turns: one look-up touches one cache line. */
    private final long[] slots;
    /** A bit for each hash that was put: most pairs do not merge, and this stays in the cache. */
    private final long[] filter;
    /** Random, so that no file can choose pairs that all fall into one slot. */
    private final long seed = new SplittableRandom().nextLong() | 1;

    /** @param merges how many will be put, at most */
    MergeTable(int merges) {
        int capacity = Integer.highestOneBit(Math.max(8, merges + merges / 2)) << 1;
        this.mask = capacity - 1;
        this.slots = new long[2 * capacity];
        this.filter = new long[capacity / FILTER_SHARE];
        for (int i = 0; i < slots.length; i += 2) {
            slots[i] = EMPTY;
        }
    }

    /**
     * Adds a merge.
     *
     * @param rank   the lower, the sooner; at least 0
     * @param merged the token that the two become
     */
    void put(int left, int right, int rank, int merged) {
        long hash = hash(pair(left, right));
        int slot = slot(pair(left, right), hash);
        slots[slot] = pair(left, right);
        slots[slot + 1] = (long) rank << 32 | merged;
        filter[word(hash)] |= 1L << hash;
    }

    boolean has(int left, int right) {
        return find(left, right) != NONE;
    }

    /** Rank in the upper half, merged token in the lower; or {@link #NONE}. */
    long find(int left, int right) {
        long pair = pair(left, right);
        long hash = hash(pair);
        if ((filter[word(hash)] >>> hash & 1) == 0) {
            return NONE;
        }
        int slot = slot(pair, hash);
        return slots[slot] == EMPTY ? NONE : slots[slot + 1];
    }

    private static long pair(int left, int right) {
        return (long) left << 32 | right;
    }

    private long hash(long pair) {
        long hash = (pair ^ pair >>> 29 ^ seed) * HASH_FACTOR;
        hash = (hash ^ hash >>> 32) * seed;
        return hash ^ hash >>> 32;
    }

    private int word(long hash) {
        return (int) (hash >>> 6) & filter.length - 1;
    }

    private int slot(long pair, long hash) {
        int slot = (int) (hash >>> 32) & mask;
        while (slots[2 * slot] != pair && slots[2 * slot] != EMPTY) {
            slot = slot + 1 & mask;
        }
        return 2 * slot;
    }
}
