package dev.millrace.models;

/**
 * Self-attention, as far as all layers of a model do it alike: head by head
 * {@code softmax(cap(scale * q.k)) v}.
 *
 * @param heads      query heads
 * @param kvHeads    key/value heads; divides {@code heads}
 * @param headSize   elements of one head
 * @param scale      factor on dot products of queries with keys; {@code 1 / sqrt(headSize)} but for
 *                   gemma (query_pre_attn_scalar) and granite (attention_multiplier)
 * @param softCap    scores become {@code softCap * tanh(score / softCap)}: gemma 2; 0 for none
 * @param bias       whether query, key and value projections add a bias: qwen2, gpt-oss
 * @param outputBias whether the output projection adds a bias: llama's attention_bias, gpt-oss
 * @param headNorm   norm of queries and keys before they are rotated
 * @param sinks      whether every head has a logit that takes part in the softmax and has no value:
 *                   gpt-oss
 */
public record AttentionSpec(int heads, int kvHeads, int headSize, float scale, float softCap,
        boolean bias, boolean outputBias, HeadNorm headNorm, boolean sinks) {

    /** A root-mean-square norm of queries and keys. */
    public enum HeadNorm {
        /** None: llama and most others. */
        NONE,
        /** Each head by itself, all with the same weights: qwen3, gemma 3. */
        EACH_HEAD,
        /** All heads together: olmo2. */
        ALL_HEADS
    }

    /** As llama does it. */
    public static AttentionSpec of(int heads, int kvHeads, int headSize) {
        return new AttentionSpec(heads, kvHeads, headSize, (float) (1 / Math.sqrt(headSize)), 0,
                false, false, HeadNorm.NONE, false);
    }

    public AttentionSpec withScale(float other) {
        return new AttentionSpec(heads, kvHeads, headSize, other, softCap, bias, outputBias,
                headNorm, sinks);
    }

    public AttentionSpec withSoftCap(float other) {
        return new AttentionSpec(heads, kvHeads, headSize, scale, other, bias, outputBias,
                headNorm, sinks);
    }

    public AttentionSpec withBias(boolean projections, boolean output) {
        return new AttentionSpec(heads, kvHeads, headSize, scale, softCap, projections, output,
                headNorm, sinks);
    }

    public AttentionSpec withHeadNorm(HeadNorm other) {
        return new AttentionSpec(heads, kvHeads, headSize, scale, softCap, bias, outputBias, other,
                sinks);
    }

    public AttentionSpec withSinks(boolean other) {
        return new AttentionSpec(heads, kvHeads, headSize, scale, softCap, bias, outputBias,
                headNorm, other);
    }

    /** Elements of the query norm's weight. */
    public int queryNormSize() {
        return headNorm == HeadNorm.ALL_HEADS ? heads * headSize : headSize;
    }

    /** Elements of the key norm's weight. */
    public int keyNormSize() {
        return headNorm == HeadNorm.ALL_HEADS ? kvHeads * headSize : headSize;
    }
}
