package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** A ragged batch as the kernels read it: one run of ints, copied to the device at once. */
final class StepInputs {

    private final CudaDevice device;
    private final MemorySegment pinned;
    private final long base;
    private final int groups;
    private final int[] firstTokens; // (rows): where each row's tokens begin
    private final int[] outputRows; // (outputs): for which row of the batch
    private final int[] outputIndices; // (outputs): which of that row's output positions
    private int tokens;
    private int outputs;
    private int rows;
    private int tableLength;
    private int chunks;

    /** @param base of the ints on the device */
    StepInputs(CudaDevice device, long base, MemoryBudget budget, int groups) {
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
        return Math.toIntExact(4L * budget.stepTokens()
                + (long) groups * budget.sequences() * blocks);
    }

    /** Lays a batch out and has it copied. */
    void upload(StepBatch batch) {
        List<SequenceRow> sequences = batch.rows();
        rows = sequences.size();
        tokens = batch.tokens();
        outputs = 0;
        int longest = 0;
        for (int row = 0, first = 0; row < rows; row++) {
            SequenceRow sequence = sequences.get(row);
            firstTokens[row] = first;
            first += sequence.tokens().length;
            longest = Math.max(longest, sequence.computedTokens() + sequence.tokens().length);
        }
        tableLength = Math.ceilDiv(longest, MemoryPlan.BLOCK_TOKENS);
        chunks = Math.ceilDiv(longest, CudaKernels.CHUNK_TOKENS);
        for (int row = 0; row < rows; row++) {
            put(sequences.get(row), row);
        }
        long ints = 4L * tokens + (long) groups * rows * tableLength;
        device.upload(pinned.asSlice(0, ints * Integer.BYTES), base);
    }

    private void put(SequenceRow sequence, int row) {
        int first = firstTokens[row];
        int length = sequence.tokens().length;
        int wanted = sequence.output().positions();
        for (int i = 0; i < length; i++) {
            set(first + i, sequence.tokens()[i]);
            set(tokens + first + i, sequence.computedTokens() + i);
            set(2 * tokens + first + i, row);
        }
        for (int i = 0; i < wanted; i++) {
            set(3 * tokens + outputs, first + length - wanted + i);
            outputRows[outputs] = row;
            outputIndices[outputs++] = i;
        }
        int needed = Math.ceilDiv(sequence.computedTokens() + length, MemoryPlan.BLOCK_TOKENS);
        for (int group = 0; group < groups; group++) {
            int at = 4 * tokens + (group * rows + row) * tableLength;
            MemorySegment.copy(sequence.blockTables()[group], 0, pinned, ValueLayout.JAVA_INT,
                    (long) at * Integer.BYTES, needed);
        }
    }

    private void set(int index, int value) {
        pinned.setAtIndex(ValueLayout.JAVA_INT, index, value);
    }

    private long address(long index) {
        return base + index * Integer.BYTES;
    }

    int tokens() {
        return tokens;
    }

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

    /** Blocks of the longest sequence. */
    int tableLength() {
        return tableLength;
    }

    /** Chunks of attention of the longest sequence. */
    int chunks() {
        return chunks;
    }

    /** (tokens) ids. */
    long tokenIds() {
        return address(0);
    }

    /** (tokens) positions in their sequences. */
    long positions() {
        return address(tokens);
    }

    /** (tokens) rows of the batch. */
    long sequences() {
        return address(2L * tokens);
    }

    /** Tokens whose logits are wanted, from one of the outputs on. */
    long outputTokens(int first) {
        return address(3L * tokens + first);
    }

    /** (rows, table length) blocks of a group of layers. */
    long tables(int group) {
        return address(4L * tokens + (long) group * rows * tableLength);
    }
}
