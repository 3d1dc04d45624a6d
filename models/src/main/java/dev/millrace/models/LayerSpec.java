package dev.millrace.models;

/**
 * In what one layer may differ from its neighbours.
 *
 * @param windowTokens how far a position looks back, itself included; 0 for all the way. Mistral
 *                     has a window in every layer, gemma and gpt-oss in some
 * @param rope         rotary position embedding; null for none, as in every fourth layer of
 *                     smollm3. Gemma 3 has another one in layers with a window
 * @param feedForward  the layer's second branch
 */
public record LayerSpec(int windowTokens, RopeSpec rope, FeedForwardSpec feedForward) {

    /** Looking back all the way. */
    public LayerSpec(RopeSpec rope, FeedForwardSpec feedForward) {
        this(0, rope, feedForward);
    }

    public LayerSpec withWindow(int tokens) {
        return new LayerSpec(tokens, rope, feedForward);
    }

    public LayerSpec withRope(RopeSpec other) {
        return new LayerSpec(windowTokens, other, feedForward);
    }

    public LayerSpec withFeedForward(FeedForwardSpec other) {
        return new LayerSpec(windowTokens, rope, other);
    }
}
