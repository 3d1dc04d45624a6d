package dev.millrace.bench.oracle;

import dev.millrace.engine.forward.LogProbabilities;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.OutputRequest.PooledHidden;
import dev.millrace.engine.forward.OutputRequest.PooledHidden.Pooling;
import dev.millrace.engine.forward.OutputRequest.TargetLogprobs;
import dev.millrace.engine.forward.OutputRequest.TopLogprobs;
import dev.millrace.engine.forward.Sampler;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.engine.forward.StepResult.TopTokens;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What a row asked for, from the states of its tokens. Drawing is the engine's own, with the scalar
 * kernels: this oracle is one of arithmetic, and every backend has to draw alike.
 */
final class NdOutputs {

    private final NdTransformer transformer;
    private final int vocabularySize;
    private final Sampler sampler;
    private final LogProbabilities probabilities;

    NdOutputs(NdTransformer transformer, ModelSpec spec) {
        this.transformer = transformer;
        this.vocabularySize = spec.vocabularySize();
        this.sampler = new Sampler(CpuKernels.scalar(), vocabularySize);
        this.probabilities = new LogProbabilities(CpuKernels.scalar(), vocabularySize);
    }

    /** @param states normed, one per token of the row */
    RowResult answer(SequenceRow row, List<INDArray> states) {
        if (row.output() instanceof PooledHidden request) {
            float[] values = pooled(states, request.pooling());
            return new RowResult(new int[0], new float[0], List.of(), values, !finite(values));
        }
        OutputRequest request = row.output();
        int positions = request.positions();
        int[] tokens = new int[request.samples() ? positions : 0];
        boolean wantsLogprobs = request instanceof TopLogprobs || request instanceof TargetLogprobs;
        float[] logprobs = new float[wantsLogprobs ? positions : 0];
        List<TopTokens> top = new ArrayList<>();
        int[] ranks = new int[request instanceof TargetLogprobs ranked && ranked.top() >= 0
                ? positions
                : 0];
        float[] values = new float[request instanceof FullLogits ? positions * vocabularySize : 0];
        for (int i = 0; i < positions; i++) {
            float[] logits = transformer.logits(states.get(states.size() - positions + i))
                    .toFloatVector();
            if (Sampler.isPoisoned(logits, 0, vocabularySize)) {
                return poisoned(tokens, logprobs, values);
            }
            if (wantsLogprobs) {
                probabilities.read(logits, 0);
            }
            if (request instanceof TopLogprobs likeliest) {
                top.add(probabilities.likeliest(likeliest.count()));
            }
            if (request instanceof FullLogits) {
                System.arraycopy(logits, 0, values, i * vocabularySize, vocabularySize);
            }
            if (request instanceof TargetLogprobs targets) {
                logprobs[i] = probabilities.of(targets.targets()[i]);
                if (ranks.length > 0) {
                    ranks[i] = probabilities.rank(targets.targets()[i]);
                    top.add(probabilities.likeliest(targets.top()));
                }
            }
            if (request.samples()) {
                tokens[i] = sampler.sample(logits, 0, row, i);
                if (tokens[i] == Sampler.POISONED) {
                    return poisoned(tokens, logprobs, values);
                }
                if (wantsLogprobs) {
                    logprobs[i] = probabilities.of(tokens[i]);
                }
            }
        }
        return new RowResult(tokens, logprobs, top, values, ranks, false);
    }

    private static RowResult poisoned(int[] tokens, float[] logprobs, float[] values) {
        return new RowResult(tokens, logprobs, List.of(), values, true);
    }

    private static float[] pooled(List<INDArray> states, Pooling pooling) {
        if (pooling == Pooling.LAST) {
            return states.getLast().toFloatVector();
        }
        INDArray sum = states.getFirst().dup();
        states.stream().skip(1).forEach(sum::addi);
        return sum.divi(states.size()).toFloatVector();
    }

    private static boolean finite(float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }
}
