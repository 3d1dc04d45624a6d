package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.util.Arrays;
import java.util.List;

/**
 * A ragged batch laid out flat: one entry per token, rows one after the other; and one entry per
 * position that needs logits. Filled anew for every step without allocating.
 */
final class StepLayout {

    final int[] tokenIds; // (tokens)
    final int[] positions; // (tokens): absolute, in the token's sequence
    final int[][][] blockTables; // (groups, tokens): the block table of the token's row
    final int[] adapterSlots; // (tokens): the adapter of the token's row, or NO_ADAPTER
    final int[] outputTokens; // (outputs): which token's logits
    final int[] outputRows; // (outputs): for which row of the batch
    final int[] outputIndices; // (outputs): which of that row's output positions
    final int[] firstTokens; // (rows): where each row's tokens begin
    int tokens;
    int outputs;

    StepLayout(int stepTokens, int sequences, int groups) {
        tokenIds = new int[stepTokens];
        positions = new int[stepTokens];
        blockTables = new int[groups][stepTokens][];
        adapterSlots = new int[stepTokens];
        outputTokens = new int[stepTokens];
        outputRows = new int[stepTokens];
        outputIndices = new int[stepTokens];
        firstTokens = new int[sequences];
    }

    void fill(StepBatch batch) {
        tokens = 0;
        outputs = 0;
        List<SequenceRow> rows = batch.rows();
        for (int r = 0; r < rows.size(); r++) {
            SequenceRow row = rows.get(r);
            int length = row.tokens().length;
            int wanted = row.output().positions();
            firstTokens[r] = tokens;
            for (int i = 0; i < length; i++) {
                tokenIds[tokens + i] = row.tokens()[i];
                positions[tokens + i] = row.computedTokens() + i;
                adapterSlots[tokens + i] = row.adapterSlot();
            }
            for (int group = 0; group < blockTables.length; group++) {
                Arrays.fill(blockTables[group], tokens, tokens + length,
                        row.blockTables()[group]);
            }
            for (int i = 0; i < wanted; i++) {
                outputTokens[outputs] = tokens + length - wanted + i;
                outputRows[outputs] = r;
                outputIndices[outputs++] = i;
            }
            tokens += length;
        }
    }
}
