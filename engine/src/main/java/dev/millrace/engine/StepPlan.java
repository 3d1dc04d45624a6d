package dev.millrace.engine;

import dev.millrace.engine.StepRecord.StepShare;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What one step is to do and for whom.
 *
 * @param batch     what crosses the seam
 * @param sequences one per row of the batch, in its order
 * @param shares    one per row of the batch, in its order
 * @param started   sequences that run for the first time
 * @param failed    sequences whose part could not be prepared, and why; they are not in the step
 */
record StepPlan(StepBatch batch, List<Sequence> sequences, List<StepShare> shares,
        List<Sequence> started, Map<Sequence, RuntimeException> failed) {

    /** What each sequence has had of the step, now that it is known which guesses are right. */
    List<StepShare> shares(StepResult result, AdapterSlots adapters) {
        List<StepShare> known = new ArrayList<>(shares);
        for (int i = 0; i < sequences.size(); i++) {
            Sequence sequence = sequences.get(i);
            if (sequence.draftTokens() > 0) {
                known.set(i, known.get(i).rejecting(
                        sequence.wrongDrafts(result == null ? null : result.rows().get(i))));
            }
            int slot = sequence.request().adapterSlot();
            if (slot != SequenceRow.NO_ADAPTER) {
                known.set(i, known.get(i).through(slot, adapters.parameters(slot)));
            }
        }
        return known;
    }

    /** Refuses a result that does not answer the batch, before anybody believes it. */
    StepResult check(StepResult result, int vocabularySize) {
        if (result.rows().size() != sequences.size()) {
            throw new IllegalStateException("the backend answered " + result.rows().size()
                    + " rows of a batch of " + sequences.size());
        }
        for (int i = 0; i < sequences.size(); i++) {
            StepResult.RowResult row = result.rows().get(i);
            int[] tokens = row.tokens();
            int positions = batch.rows().get(i).output().positions();
            if (!row.poisoned() && sequences.get(i).reachesEnd() && (tokens.length != positions
                    || Arrays.stream(tokens).anyMatch(t -> t < 0 || t >= vocabularySize))) {
                throw new IllegalStateException("the backend must sample " + positions
                        + " token(s) from 0 to " + (vocabularySize - 1) + " for row " + i
                        + ", got " + Arrays.toString(tokens));
            }
        }
        return result;
    }
}
