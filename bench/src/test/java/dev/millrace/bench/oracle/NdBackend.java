package dev.millrace.bench.oracle;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.MultiplierSpec;
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
        requirePlain(spec);
        return new NdForwardPass(spec, new NdWeights(weights), budget);
    }

    /** Refuses whatever is not as llama has it, or differs from layer to layer. */
    private static void requirePlain(ModelSpec spec) {
        LayerSpec first = spec.layer(0);
        AttentionSpec attention = spec.attention();
        AttentionSpec plain = AttentionSpec.of(spec.heads(), spec.kvHeads(), spec.headSize())
                .withBias(attention.bias(), false);
        if (!attention.equals(plain) || first.rope() == null
                || !first.feedForward().equals(FeedForwardSpec.dense(first.feedForward().size()))
                || !spec.multipliers().equals(MultiplierSpec.NONE) || spec.norm().after()
                || spec.layerSpecs().stream().distinct().count() > 1) {
            throw new BackendException("the oracle computes plain llamas only, got " + spec);
        }
    }
}
