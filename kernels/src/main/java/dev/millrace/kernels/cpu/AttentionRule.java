package dev.millrace.kernels.cpu;

/**
 * What attention does to scores: {@code softmax(cap(scale * query . key))} over a window of
 * positions.
 *
 * @param windowTokens positions that each one attends to, itself included; 0 for all before it
 * @param scale        factor on the dot products, usually 1 / sqrt(headSize)
 * @param softCap      scores become {@code softCap * tanh(score / softCap)}; 0 for none
 * @param sinks        (layers of the cache, query heads): logits, not scaled or capped, that take
 *                     part in the softmax and have no value; null for none
 */
public record AttentionRule(int windowTokens, float scale, float softCap, float[][] sinks) {

    /** Without a cap and sinks. */
    public AttentionRule(int windowTokens, float scale) {
        this(windowTokens, scale, 0, null);
    }

    /** Refuses what no softmax can be computed with. */
    public AttentionRule {
        if (windowTokens < 0 || !(scale > 0 && scale <= Float.MAX_VALUE)
                || !(softCap >= 0 && softCap <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException("attention needs a window of at least 0 positions, a"
                    + " positive scale and a cap of at least 0, got " + windowTokens + ", " + scale
                    + " and " + softCap);
        }
    }

    public boolean hasSoftCap() {
        return softCap > 0;
    }

    /** Refuses sinks that are not one for each query head of each layer. */
    void check(CpuKvCache cache, int groupHeads) {
        if (sinks == null) {
            return;
        }
        int heads = cache.kvHeads() * groupHeads;
        for (float[] layer : sinks) {
            if (sinks.length != cache.layers() || layer.length != heads) {
                throw new IllegalArgumentException("attention needs sinks for " + cache.layers()
                        + " layers of " + heads + " query heads, got " + sinks.length
                        + " layers and " + layer.length + " heads");
            }
        }
    }

    /** What the sink of a head adds to a sum of weights against a score; 0 where there is none. */
    float sinkWeight(int layer, int head, float max) {
        return sinks == null ? 0 : (float) Math.exp(sinks[layer][head] - max);
    }
}
