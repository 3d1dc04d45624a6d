package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The few shapes that steps are captured in. A step goes into a bucket if every token of it wants
 * logits, as decoding sequences do, with guesses to verify or without; its tokens are filled up to
 * the bucket's, and its longest sequence to a power of two of chunks of positions.
 */
final class StepBuckets {

    /** Tokens of a sequence at a time, the guesses that it verifies included. */
    private static final int SEQUENCE_TOKENS = 8;

    private final int mostTokens;
    private final int mostRows;
    private final int longestTable;

    /** @param logitRows positions whose logits are computed at a time, the most in a bucket */
    StepBuckets(MemoryBudget budget, int logitRows) {
        mostTokens = (int) Math.min((long) SEQUENCE_TOKENS * budget.sequences(),
                Math.min(budget.stepTokens(), logitRows));
        mostRows = budget.sequences();
        longestTable = Math.ceilDiv(budget.contextTokens(), MemoryPlan.BLOCK_TOKENS);
    }

    /** Which shape a step is to have; none if it is to be computed as it comes. */
    Optional<StepShape> of(StepBatch batch) {
        int tokens = batch.tokens();
        if (tokens == 0 || tokens > mostTokens) {
            return Optional.empty();
        }
        for (SequenceRow row : batch.rows()) {
            if (row.output().positions() != row.tokens().length) {
                return Optional.empty();
            }
        }
        int chunks = new StepShape(0, 0, StepShape.longestTable(batch), false, true).chunks();
        return Optional.of(shape(tokens, Math.max(1, Integer.highestOneBit(2 * chunks - 1)),
                StepShape.isAdapted(batch)));
    }

    private StepShape shape(int tokens, int chunks, boolean adapted) {
        int filled = filled(tokens);
        return new StepShape(filled, Math.min(filled, mostRows),
                Math.min(longestTable, StepShape.tableLength(chunks)), adapted, true);
    }

    /** The shapes of short sequences that decode a token each, smallest first. */
    List<StepShape> first() {
        return IntStream.rangeClosed(1, Math.min(mostTokens, mostRows)).map(this::filled).distinct()
                .mapToObj(tokens -> shape(tokens, 1, false)).toList();
    }

    /** The next power of two, or one and a half times one from 24 on; the last is what it is. */
    private int filled(int tokens) {
        int power = Math.max(1, Integer.highestOneBit(2 * tokens - 1));
        int between = power / 4 * 3;
        return Math.min(mostTokens, between >= 24 && tokens <= between ? between : power);
    }
}
