package dev.millrace.models;

import dev.millrace.kernels.GateFunction;

/**
 * A layer's gated feed-forward network, {@code down(gate function(gate(x), up(x)))}, or a mixture
 * of several.
 *
 * @param size    width between the projections; with experts, of one expert
 * @param gate    what becomes of gate and up projection
 * @param bias    whether the projections add biases: llama's mlp_bias, gpt-oss
 * @param experts the mixture; null for one dense network
 */
public record FeedForwardSpec(int size, GateFunction gate, boolean bias, ExpertSpec experts) {

    /** As llama does it. */
    public static FeedForwardSpec dense(int size) {
        return new FeedForwardSpec(size, GateFunction.SILU, false, null);
    }

    public FeedForwardSpec withGate(GateFunction other) {
        return new FeedForwardSpec(size, other, bias, experts);
    }

    public FeedForwardSpec withBias(boolean other) {
        return new FeedForwardSpec(size, gate, other, experts);
    }

    public FeedForwardSpec withExperts(ExpertSpec other) {
        return new FeedForwardSpec(size, gate, bias, other);
    }

    /** Multiply-adds of one token. */
    public long macs(int embeddingSize) {
        long one = 3L * embeddingSize * size;
        return experts == null
                ? one
                : one * experts.chosen() + (long) experts.count() * embeddingSize
                        + 3L * embeddingSize * experts.sharedSize();
    }
}
