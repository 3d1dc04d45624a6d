package dev.millrace.engine.forward;

import dev.millrace.engine.forward.StepResult.RowResult;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** One sequence of a test: the blocks it owns and how far its cache is filled. */
public final class SequenceFeed {

    private final int[] blocks;
    private int computedTokens;
    private int adapterSlot = SequenceRow.NO_ADAPTER;

    private SequenceFeed(int... blocks) {
        this.blocks = blocks;
    }

    /** A sequence that owns {@code count} blocks in a row. */
    public static SequenceFeed inBlocks(int first, int count) {
        return new SequenceFeed(IntStream.range(first, first + count).toArray());
    }

    /** A sequence that owns these blocks, in this order. */
    public static SequenceFeed inBlocks(int[] blocks) {
        return new SequenceFeed(blocks);
    }

    /** A sequence at the same place, in other blocks. */
    public SequenceFeed continuedIn(int[] otherBlocks) {
        SequenceFeed other = new SequenceFeed(otherBlocks);
        other.computedTokens = computedTokens;
        other.adapterSlot = adapterSlot;
        return other;
    }

    /** The same sequence with an adapter. */
    public SequenceFeed withAdapter(int slot) {
        adapterSlot = slot;
        return this;
    }

    /** The row that computes these tokens next. */
    public SequenceRow row(OutputRequest output, SamplingRow sampling, int... tokens) {
        SequenceRow row = new SequenceRow(tokens, computedTokens, new int[][]{blocks},
                adapterSlot, output, sampling);
        computedTokens += tokens.length;
        return row;
    }

    /** Goes back to where only {@code tokens} are computed. */
    public void rewind(int tokens) {
        computedTokens = tokens;
    }

    /** Computes tokens in a step of their own. */
    public RowResult step(ForwardPass pass, OutputRequest output, SamplingRow sampling,
            int... tokens) {
        return step(pass, row(output, sampling, tokens)).getFirst();
    }

    /** Logits of the last of these tokens, computed in a step of their own. */
    public float[] logits(ForwardPass pass, int... tokens) {
        return step(pass, new OutputRequest.FullLogits(1), null, tokens).values();
    }

    /** A text and one more token. */
    static int[] append(int[] tokens, int token) {
        int[] longer = Arrays.copyOf(tokens, tokens.length + 1);
        longer[tokens.length] = token;
        return longer;
    }

    /** Computes rows together in one step without block operations. */
    public static List<RowResult> step(ForwardPass pass, SequenceRow... rows) {
        return pass.step(batch(pass, rows)).rows();
    }

    /** Rows as a step takes them: every group of layers keeps them in blocks of the same ids. */
    public static StepBatch batch(ForwardPass pass, SequenceRow... rows) {
        int groups = pass.cacheGeometry().groups().size();
        return new StepBatch(Arrays.stream(rows).map(row -> {
            int[][] tables = new int[groups][];
            Arrays.fill(tables, row.blockTables()[0]);
            return new SequenceRow(row.tokens(), row.computedTokens(), tables, row.adapterSlot(),
                    row.output(), row.sampling());
        }).toList(), BlockOperations.NONE);
    }
}
