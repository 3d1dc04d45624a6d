package dev.millrace.engine.forward;

import dev.millrace.engine.forward.BlockOperations.Move;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * The contract of a {@link StepBatch}, checked in full before anything is computed, so that a
 * refused batch has changed nothing.
 *
 * <p>Every failure is an {@link IllegalArgumentException} that names the row, what it gave and what
 * is allowed. Holds scratch memory: one check at a time.
 */
public final class BatchRules {

    private static final int NOBODY = -1;

    private final CacheGeometry geometry;
    private final MemoryBudget budget;
    private final OutputRules outputRules;
    private final IntPredicate adapterSlots;
    /** (groups, blocks): the row that writes each block in the batch being checked. */
    private final int[][] writers;

    /** Rules of a pass without adapters. */
    public BatchRules(CacheGeometry geometry, MemoryBudget budget, int vocabularySize) {
        this(geometry, budget, vocabularySize, slot -> false);
    }

    /** @param adapterSlots whether an adapter is in a slot */
    public BatchRules(CacheGeometry geometry, MemoryBudget budget, int vocabularySize,
            IntPredicate adapterSlots) {
        this.adapterSlots = adapterSlots;
        this.geometry = geometry;
        this.budget = budget;
        outputRules = new OutputRules(vocabularySize);
        writers = new int[geometry.groups().size()][];
        for (int group = 0; group < writers.length; group++) {
            writers[group] = new int[geometry.groups().get(group).blocks()];
            Arrays.fill(writers[group], NOBODY);
        }
    }

    /** Scratch memory that checking needs, in bytes. */
    public static long scratchBytes(long blocks) {
        return blocks * Integer.BYTES;
    }

    /** @throws IllegalArgumentException if the batch breaks the contract */
    public void check(StepBatch batch) {
        List<SequenceRow> rows = batch.rows();
        if (rows.size() > budget.sequences()) {
            throw new IllegalArgumentException("a step of " + rows.size()
                    + " rows; at most " + budget.sequences() + " are allowed");
        }
        int tokens = batch.tokens();
        if (tokens > budget.stepTokens()) {
            throw new IllegalArgumentException("a step of " + tokens + " tokens; at most "
                    + budget.stepTokens() + " are allowed, so split the prompts into chunks");
        }
        checkMoves(batch.blocks());
        for (int row = 0; row < rows.size(); row++) {
            checkTokens(row, rows.get(row));
            outputRules.check(row, rows.get(row));
        }
        checkBlocks(rows);
    }

    private void checkMoves(BlockOperations operations) {
        for (Move move : operations.swapOut()) {
            LayerGroup group = group(move);
            checkMove("swap out", move, group.blocks(), group.swapBlocks());
        }
        for (Move move : operations.swapIn()) {
            LayerGroup group = group(move);
            checkMove("swap in", move, group.swapBlocks(), group.blocks());
        }
        for (Move move : operations.copy()) {
            LayerGroup group = group(move);
            checkMove("copy", move, group.blocks(), group.blocks());
        }
        for (Move move : operations.zero()) {
            LayerGroup group = group(move);
            checkMove("zero", move, group.blocks(), group.blocks());
        }
    }

    private LayerGroup group(Move move) {
        if (move.group() < 0 || move.group() >= writers.length) {
            throw new IllegalArgumentException("a block operation names layer group "
                    + move.group() + "; there are groups 0 to " + (writers.length - 1));
        }
        return geometry.groups().get(move.group());
    }

    private static void checkMove(String what, Move move, int sources, int targets) {
        if (move.from() < 0 || move.from() >= sources || move.to() < 0 || move.to() >= targets) {
            throw new IllegalArgumentException(what + " from block " + move.from() + " to block "
                    + move.to() + "; there are " + sources + " blocks to take from and " + targets
                    + " to put to");
        }
    }

    private void checkTokens(int row, SequenceRow sequence) {
        int length = sequence.tokens().length;
        if (sequence.adapterSlot() != SequenceRow.NO_ADAPTER
                && !adapterSlots.test(sequence.adapterSlot())) {
            throw new IllegalArgumentException("row " + row + " wants the adapter in slot "
                    + sequence.adapterSlot() + ", but none is loaded there; allowed is "
                    + SequenceRow.NO_ADAPTER + " or the slot of a loaded adapter");
        }
        if (sequence.computedTokens() > budget.contextTokens() - length) {
            throw new IllegalArgumentException("row " + row + " has " + length + " tokens after "
                    + sequence.computedTokens() + " computed ones; the context holds "
                    + budget.contextTokens());
        }
        outputRules.checkTokens(row, "token", sequence.tokens());
    }

    /** Checks the block tables, and that no block is written by two rows or twice by one. */
    private void checkBlocks(List<SequenceRow> rows) {
        try {
            for (int row = 0; row < rows.size(); row++) {
                checkTables(row, rows.get(row));
                claimBlocks(row, rows.get(row));
            }
        } finally {
            for (int row = 0; row < rows.size(); row++) {
                releaseBlocks(rows.get(row));
            }
        }
    }

    private void checkTables(int row, SequenceRow sequence) {
        int[][] tables = sequence.blockTables();
        if (tables.length != writers.length) {
            throw new IllegalArgumentException("row " + row + " has " + tables.length
                    + " block tables; the cache has " + writers.length + " layer groups");
        }
        int end = sequence.computedTokens() + sequence.tokens().length;
        int needed = geometry.blocksFor(end);
        for (int group = 0; group < tables.length; group++) {
            if (tables[group].length < needed) {
                throw new IllegalArgumentException("row " + row + " has " + tables[group].length
                        + " blocks for " + end + " positions; it needs " + needed);
            }
            LayerGroup layers = geometry.groups().get(group);
            for (int i = firstRead(layers, sequence.computedTokens()); i < needed; i++) {
                int block = tables[group][i];
                if (block < 0 || block >= layers.blocks()) {
                    throw new IllegalArgumentException("row " + row + " names block " + block
                            + "; there are blocks 0 to " + (layers.blocks() - 1));
                }
            }
        }
    }

    /** Index of the first block that attention looks at: all before it are out of the window. */
    private int firstRead(LayerGroup layers, int position) {
        int firstPosition = layers.windowTokens() == 0
                ? 0
                : Math.max(0, position - layers.windowTokens() + 1);
        return firstPosition / geometry.blockTokens();
    }

    private void claimBlocks(int row, SequenceRow sequence) {
        int begin = sequence.computedTokens() / geometry.blockTokens();
        int end = geometry.blocksFor(sequence.computedTokens() + sequence.tokens().length);
        for (int group = 0; group < writers.length; group++) {
            for (int i = begin; i < end; i++) {
                int block = sequence.blockTables()[group][i];
                int writer = writers[group][block];
                if (writer != NOBODY) {
                    throw new IllegalArgumentException(
                            "block " + block + " would be written by row "
                                    + writer + " and again by row " + row
                                    + "; copy it for one of them first");
                }
                writers[group][block] = row;
            }
        }
    }

    /** Forgets the row's claims, and those of a table that was refused halfway. */
    private void releaseBlocks(SequenceRow sequence) {
        int groups = Math.min(sequence.blockTables().length, writers.length);
        int begin = sequence.computedTokens() / geometry.blockTokens();
        for (int group = 0; group < groups; group++) {
            int[] table = sequence.blockTables()[group];
            for (int i = begin; i < table.length; i++) {
                if (table[i] >= 0 && table[i] < writers[group].length) {
                    writers[group][table[i]] = NOBODY;
                }
            }
        }
    }
}
