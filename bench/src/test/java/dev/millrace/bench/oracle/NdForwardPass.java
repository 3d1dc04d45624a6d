package dev.millrace.bench.oracle;

import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.models.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The contract of a step around {@link NdTransformer}. */
final class NdForwardPass implements ForwardPass {

    private final NdWeights weights;
    private final NdCache cache;
    private final NdTransformer transformer;
    private final NdOutputs outputs;
    private final CacheGeometry geometry;
    private final BatchRules rules;

    NdForwardPass(ModelSpec spec, NdWeights weights, MemoryBudget budget) {
        this.weights = weights;
        int blocks = budget.sequences()
                * (Math.ceilDiv(budget.contextTokens(), NdCache.BLOCK_TOKENS) + 1);
        cache = new NdCache(spec, blocks);
        transformer = new NdTransformer(spec, weights, cache);
        outputs = new NdOutputs(transformer, spec);
        geometry = new CacheGeometry(NdCache.BLOCK_TOKENS, List.of(new LayerGroup(spec.layers(),
                spec.slidingWindowTokens(), blocks, 0, NdCache.blockBytes(spec))));
        rules = new BatchRules(geometry, budget, spec.vocabularySize());
    }

    @Override
    public CacheGeometry cacheGeometry() {
        return geometry;
    }

    @Override
    public DeviceMemory memory() {
        return new DeviceMemory(weights.bytes(), weights.bytes(), geometry.totalBytes(), 0);
    }

    @Override
    public StepResult step(StepBatch batch) {
        long startNanos = System.nanoTime();
        rules.check(batch);
        cache.operate(batch.blocks());
        List<RowResult> rows = new ArrayList<>();
        for (SequenceRow row : batch.rows()) {
            List<INDArray> states = new ArrayList<>();
            for (int i = 0; i < row.tokens().length; i++) {
                states.add(transformer.state(row.tokens()[i], row.computedTokens() + i,
                        row.blockTables()[0]));
            }
            rows.add(outputs.answer(row, states));
        }
        return new StepResult(rows, System.nanoTime() - startNanos);
    }

    @Override
    public void close() {
        cache.close();
        weights.close();
    }
}
