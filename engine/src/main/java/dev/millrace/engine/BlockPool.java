package dev.millrace.engine;

/**
 * The block ids of one layer group: who refers to each, and in which order free ones are reused.
 *
 * <p>Free blocks form one doubly linked list. Its front is reused first; blocks whose contents may
 * serve again are put at its back, so the list is also the order of eviction.
 */
final class BlockPool {

    private static final int NONE = -1;

    private final int[] references;
    private final int[] before;
    private final int[] after;
    private int first = NONE;
    private int last = NONE;
    private int available;

    BlockPool(int blocks) {
        references = new int[blocks];
        before = new int[blocks];
        after = new int[blocks];
        for (int block = 0; block < blocks; block++) {
            linkLast(block);
        }
    }

    int size() {
        return references.length;
    }

    /** Blocks that nobody refers to. */
    int available() {
        return available;
    }

    /** Blocks that somebody refers to. */
    int used() {
        return references.length - available;
    }

    int references(int block) {
        return references[block];
    }

    /** Takes the free block that is to be reused first; its contents are lost. */
    int take() {
        if (first == NONE) {
            throw new IllegalStateException("all " + references.length + " blocks are in use");
        }
        int block = first;
        unlink(block);
        references[block] = 1;
        return block;
    }

    /** Adds a reference to a block that is in use, or that is free but still holds its contents. */
    void retain(int block) {
        if (references[block]++ == 0) {
            unlink(block);
        }
    }

    /**
     * Drops a reference.
     *
     * @param reusable whether the contents may serve again, if this was the last reference
     */
    void release(int block, boolean reusable) {
        if (references[block] == 0) {
            throw new IllegalStateException("block " + block + " was released twice");
        }
        if (--references[block] > 0) {
            return;
        }
        if (reusable) {
            linkLast(block);
        } else {
            linkFirst(block);
        }
    }

    private void linkLast(int block) {
        before[block] = last;
        after[block] = NONE;
        if (last == NONE) {
            first = block;
        } else {
            after[last] = block;
        }
        last = block;
        available++;
    }

    private void linkFirst(int block) {
        before[block] = NONE;
        after[block] = first;
        if (first == NONE) {
            last = block;
        } else {
            before[first] = block;
        }
        first = block;
        available++;
    }

    private void unlink(int block) {
        if (before[block] == NONE) {
            first = after[block];
        } else {
            after[before[block]] = after[block];
        }
        if (after[block] == NONE) {
            last = before[block];
        } else {
            before[after[block]] = before[block];
        }
        available--;
    }
}
