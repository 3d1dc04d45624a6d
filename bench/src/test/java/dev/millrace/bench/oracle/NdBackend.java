package dev.millrace.bench.oracle;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;

/** Runs models in dense float32 on ND4J: slow, plain, and nothing of ours in the arithmetic. */
final class NdBackend implements Backend {

    @Override
    public String name() {
        return "nd4j";
    }

    @Override
    public String description() {
        return "nd4j: dense float32, one token at a time";
    }

    @Override
    public ForwardPass open(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return new NdForwardPass(spec, new NdWeights(weights), budget);
    }
}
