package dev.millrace.engine.forward;

import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.models.ModelSpec;
import java.util.List;

/**
 * One row's result in the making. Workers fill different positions at the same time; the flag that
 * they share is only ever set.
 */
public final class RowAnswer {

    final int[] tokens; // (positions) where the row samples
    final float[] logprobs; // (positions) where it asks for them
    final TopTokens[] top; // (positions) where it asks for them
    final int[] ranks; // (positions) where it asks for them
    final float[] values; // (positions, vocabulary) or (embedding)
    private boolean poisoned;

    /** An answer to fill. */
    public RowAnswer(OutputRequest request, ModelSpec spec) {
        int positions = request.positions();
        boolean ranked = request instanceof TargetLogprobs target && target.top() >= 0;
        boolean wantsTop = ranked || request instanceof TopLogprobs;
        tokens = new int[request.samples() ? positions : 0];
        logprobs = new float[wantsTop || request instanceof TargetLogprobs ? positions : 0];
        top = new TopTokens[wantsTop ? positions : 0];
        ranks = new int[ranked ? positions : 0];
        values = new float[switch (request) {
            case FullLogits _ -> Math.multiplyExact(positions, spec.vocabularySize());
            case PooledHidden _ -> spec.embeddingSize();
            default -> 0;
        }];
    }

    /** The pooled state, to be written to; or the logits. */
    public float[] values() {
        return values;
    }

    /** Notes that the row's numbers mean nothing if one of its values is none. */
    public void poisonUnlessFinite() {
        for (float value : values) {
            poisoned |= !Float.isFinite(value);
        }
    }

    /** Notes that the row's numbers mean nothing. */
    public void poison() {
        poisoned = true;
    }

    /** Takes a token that was found without reading the logits. */
    public void take(int index, int token) {
        tokens[index] = token;
    }

    /** The answer as the step returns it. */
    public RowResult result() {
        return new RowResult(tokens, logprobs, poisoned ? List.of() : List.of(top), values,
                ranks, poisoned);
    }
}
