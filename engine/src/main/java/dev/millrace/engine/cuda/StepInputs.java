package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaKernels.AttendWork;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.IntUnaryOperator;

/**
 * A ragged batch as the kernels read it: one run of ints, copied to the device at once. Where they
 * lie depends on the shape only; tokens that fill it up have the position -1.
 */
final class StepInputs {

    /**
     * Ints of each token: id, position, row, whose logits are wanted, adapter, slot of attention,
     * and two of a tile of attention.
     */
    private static final int TOKEN_INTS = 8;
    private static final int SLOTS = 5;
    private static final int TILES = 6;

    private final CudaDevice device;
    private final MemorySegment pinned;
    private final long base;
    private final int groups;
    private final int[] firstTokens; // (rows): where each row's tokens begin
    private final int[] outputRows; // (outputs): for which row of the batch
    private final int[] outputIndices; // (outputs): which of that row's output positions
    private final AttentionTiles attention;
    private StepShape shape = new StepShape(0, 0, 0, false, false);
    private int outputs;

    /** @param base of the ints on the device @param attention of this device */
    StepInputs(CudaDevice device, long base, MemoryBudget budget, int groups,
            AttentionTiles attention) {
        this.attention = attention;
        this.device = device;
        this.base = base;
        this.groups = groups;
        pinned = device.pin((long) ints(budget, groups) * Integer.BYTES);
        firstTokens = new int[budget.sequences()];
        outputRows = new int[budget.stepTokens()];
        outputIndices = new int[budget.stepTokens()];
    }

    /** Ints that the largest step takes. */
    static int ints(MemoryBudget budget, int groups) {
        int blocks = Math.ceilDiv(budget.contextTokens(), MemoryPlan.BLOCK_TOKENS);
        return Math.toIntExact((long) TOKEN_INTS * budget.stepTokens()
                + (long) groups * budget.sequences() * blocks);
    }

    /** Decides where everything lies. */
    void shape(StepShape next) {
        shape = next;
    }

    StepShape shape() {
        return shape;
    }

    /**
     * Lays a batch out, for {@link #upload}.
     *
     * @param next     a shape that it fits into
     * @param adapters where the kernels find the adapter of a slot; -1 for no adapter
     */
    void lay(StepBatch batch, StepShape next, IntUnaryOperator adapters) {
        shape(next);
        outputs = 0;
        attention.begin(shape);
        List<SequenceRow> sequences = batch.rows();
        int first = 0;
        for (int row = 0; row < sequences.size(); row++) {
            firstTokens[row] = first;
            int length = sequences.get(row).tokens().length;
            attention.add(first, length, sequences.get(row).computedTokens() + length);
            put(sequences.get(row), row, first,
                    adapters.applyAsInt(sequences.get(row).adapterSlot()));
            first += length;
        }
        attention.end(first);
        put(attention.slots(), SLOTS * shape.tokens(), shape.tokens());
        put(attention.tiles(), TILES * shape.tokens(), 2 * shape.tokens());
        for (int token = first; token < shape.tokens(); token++) {
            put(token, 0, -1, 0, -1);
        }
        for (int output = outputs; output < shape.tokens(); output++) {
            set(3 * shape.tokens() + output, output);
        }
    }

    /** Has the batch copied. */
    void upload() {
        long ints = (long) TOKEN_INTS * shape.tokens()
                + (long) groups * shape.rows() * shape.tableLength();
        device.upload(pinned.asSlice(0, ints * Integer.BYTES), base);
    }

    private void put(int token, int id, int position, int row, int adapter) {
        set(token, id);
        set(shape.tokens() + token, position);
        set(2 * shape.tokens() + token, row);
        set(4 * shape.tokens() + token, adapter);
    }

    private void put(SequenceRow sequence, int row, int first, int adapter) {
        int length = sequence.tokens().length;
        int wanted = sequence.output().positions();
        for (int i = 0; i < length; i++) {
            put(first + i, sequence.tokens()[i], sequence.computedTokens() + i, row,
                    adapter);
        }
        for (int i = 0; i < wanted; i++) {
            set(3 * shape.tokens() + outputs, first + length - wanted + i);
            outputRows[outputs] = row;
            outputIndices[outputs++] = i;
        }
        int needed = Math.ceilDiv(sequence.computedTokens() + length, MemoryPlan.BLOCK_TOKENS);
        for (int group = 0; group < groups; group++) {
            int at = TOKEN_INTS * shape.tokens()
                    + (group * shape.rows() + row) * shape.tableLength();
            put(sequence.blockTables()[group], at, needed);
        }
    }

    private void put(int[] values, int at, int count) {
        MemorySegment.copy(values, 0, pinned, ValueLayout.JAVA_INT, (long) at * Integer.BYTES,
                count);
    }

    private void set(int index, int value) {
        pinned.setAtIndex(ValueLayout.JAVA_INT, index, value);
    }

    private long address(long index) {
        return base + index * Integer.BYTES;
    }

    /** Of the shape. */
    int tokens() {
        return shape.tokens();
    }

    /** Tokens of the batch whose logits are wanted. */
    int outputs() {
        return outputs;
    }

    /** Where a row's tokens begin. */
    int firstToken(int row) {
        return firstTokens[row];
    }

    int outputRow(int output) {
        return outputRows[output];
    }

    int outputIndex(int output) {
        return outputIndices[output];
    }

    /** Blocks of a table. */
    int tableLength() {
        return shape.tableLength();
    }

    /** What there is to attend to. @param slotsAtOnce that there is scratch memory for */
    AttendWork attention(int slotsAtOnce) {
        return attention.work(shape, slotsAtOnce);
    }

    /** Pieces of attention of the longest sequence that the shape has room for. */
    int pieces() {
        return shape.pieces();
    }

    /** (tokens) ids. */
    long tokenIds() {
        return address(0);
    }

    /** (tokens) positions in their sequences, -1 for none. */
    long positions() {
        return address(shape.tokens());
    }

    /** (tokens) rows of the batch. */
    long sequences() {
        return address(2L * shape.tokens());
    }

    /** Tokens whose logits are wanted, from one of the outputs on. */
    long outputTokens(int first) {
        return address(3L * shape.tokens() + first);
    }

    /** (tokens) adapters, -1 for none. */
    long adapters() {
        return address(4L * shape.tokens());
    }

    /** (tokens) where results of pieces of attention go. */
    long slots() {
        return address((long) SLOTS * shape.tokens());
    }

    /** (tokens, 2) tiles of attention. */
    long tiles() {
        return address((long) TILES * shape.tokens());
    }

    /** (rows, table length) blocks of a group of layers. */
    long tables(int group) {
        return address((long) TOKEN_INTS * shape.tokens()
                + (long) group * shape.rows() * shape.tableLength());
    }
}
