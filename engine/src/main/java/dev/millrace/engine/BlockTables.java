package dev.millrace.engine;

import dev.millrace.engine.forward.SequenceRow;
import java.util.Arrays;

/** The blocks that one sequence refers to, per layer group, in the order of their positions. */
final class BlockTables {

    private static final int INITIAL_BLOCKS = 16;

    private final int[][] tables; // (groups, blocks); NO_BLOCK where released or not yet there
    private final int[] released;
    private final int[] length;
    private int shared;

    BlockTables(int groups) {
        tables = new int[groups][INITIAL_BLOCKS];
        for (int[] table : tables) {
            Arrays.fill(table, SequenceRow.NO_BLOCK);
        }
        released = new int[groups];
        length = new int[groups];
    }

    /** As {@link SequenceRow#blockTables()} wants them; valid until the next change. */
    int[][] rows() {
        return tables;
    }

    /** Entries so far, released ones included. */
    int length(int group) {
        return length[group];
    }

    /** Entries at the beginning that are no longer needed. */
    int released(int group) {
        return released[group];
    }

    /** Blocks that the sequence refers to. */
    int held(int group) {
        return length[group] - released[group];
    }

    /** Full blocks at the beginning that others can find. */
    int shared() {
        return shared;
    }

    void share(int blocks) {
        shared = blocks;
    }

    int block(int group, int index) {
        return tables[group][index];
    }

    void append(int group, int block) {
        int[] table = tables[group];
        if (length[group] == table.length) {
            table = Arrays.copyOf(table, 2 * table.length);
            Arrays.fill(table, length[group], table.length, SequenceRow.NO_BLOCK);
            tables[group] = table;
        }
        table[length[group]++] = block;
    }

    /** Appends an entry that is not needed any more: its positions are outside the window. */
    void skip(int group) {
        append(group, SequenceRow.NO_BLOCK);
        released[group]++;
    }

    /** Forgets the first entry that is still held and returns its block. */
    int releaseFirst(int group) {
        return forget(group, released[group]++);
    }

    /** Forgets the last entry and returns its block. */
    int releaseLast(int group) {
        return forget(group, --length[group]);
    }

    /** Forgets that anything was ever there; only when nothing is held. */
    void clear(int group) {
        if (held(group) != 0) {
            throw new IllegalStateException(held(group) + " blocks would be lost");
        }
        released[group] = 0;
        length[group] = 0;
    }

    private int forget(int group, int index) {
        int block = tables[group][index];
        tables[group][index] = SequenceRow.NO_BLOCK;
        return block;
    }
}
