package dev.millrace.models;

/**
 * Constant factors and the cap on logits; 1 and 0 where a family has none.
 *
 * @param embedding    on the embedding of a token: {@code sqrt(embedding size)} in gemma,
 *                     embedding_multiplier in granite
 * @param residual     on a branch before it is added to the residual stream: granite's
 *                     residual_multiplier
 * @param logit        on the logits: one over granite's logits_scaling
 * @param logitSoftCap logits become {@code cap * tanh(logit / cap)}: gemma 2; 0 for none
 */
public record MultiplierSpec(float embedding, float residual, float logit, float logitSoftCap) {

    /** Changes nothing. */
    public static final MultiplierSpec NONE = new MultiplierSpec(1, 1, 1, 0);

    /** Whether logits are anything but the output matrix's products. */
    public boolean changesLogits() {
        return logit != 1 || logitSoftCap > 0;
    }

    public MultiplierSpec withEmbedding(float other) {
        return new MultiplierSpec(other, residual, logit, logitSoftCap);
    }
}
