package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.OutputRequest;
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
final class RowAnswer {

    final int[] tokens; // (positions) where the row samples
    final float[] logprobs; // (positions) where it asks for them
    final TopTokens[] top; // (positions) where it asks for them
    final int[] ranks; // (positions) where it asks for them
    final float[] values; // (positions, vocabulary) or (embedding)
    boolean poisoned;

    RowAnswer(OutputRequest request, ModelSpec spec) {
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

    RowResult result() {
        return new RowResult(tokens, logprobs, poisoned ? List.of() : List.of(top), values,
                ranks, poisoned);
    }
}
