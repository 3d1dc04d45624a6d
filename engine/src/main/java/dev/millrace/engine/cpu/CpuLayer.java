package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.RotaryTable;
import dev.millrace.models.LayerSpec;

/**
 * One transformer block's weights, packed. What the model does not have is null.
 *
 * @param spec                in what the layer may differ from others
 * @param rotary              angles of its queries and keys
 * @param attentionNorm       (embedding), of attention's input
 * @param attention           projections of attention
 * @param attentionPostNorm   (embedding), of attention's output
 * @param feedForwardNorm     (embedding), of the feed-forward network's input
 * @param dense               the feed-forward network, unless there are experts
 * @param experts             the mixture of experts
 * @param feedForwardPostNorm (embedding), of the feed-forward network's output
 */
record CpuLayer(LayerSpec spec, RotaryTable rotary, float[] attentionNorm, Attention attention,
        float[] attentionPostNorm, float[] feedForwardNorm, Gated dense, Experts experts,
        float[] feedForwardPostNorm) {

    /**
     * Projections of attention.
     *
     * @param query     (heads x head size, embedding)
     * @param key       (KV heads x head size, embedding)
     * @param value     (KV heads x head size, embedding)
     * @param output    (embedding, heads x head size)
     * @param queryNorm (head size) or (heads x head size)
     * @param keyNorm   (head size) or (KV heads x head size)
     * @param sinks     (heads)
     */
    record Attention(CpuLinear query, CpuLinear key, CpuLinear value, CpuLinear output,
            float[] queryNorm, float[] keyNorm, float[] sinks) {}

    /**
     * A gated feed-forward network.
     *
     * @param gate (feed forward, embedding)
     * @param up   (feed forward, embedding)
     * @param down (embedding, feed forward)
     */
    record Gated(CpuLinear gate, CpuLinear up, CpuLinear down) {

        int size() {
            return gate.rows();
        }

        /** A run of outputs that is whole tiles of both the gate's and the up matrix. */
        int tileRows() {
            int gateTile = gate.matrix().rowTile();
            int upTile = up.matrix().rowTile();
            int tile = Math.max(gateTile, upTile);
            return tile % Math.min(gateTile, upTile) == 0 ? tile : gateTile * upTile;
        }

        int tiles() {
            return Math.ceilDiv(size(), tileRows());
        }
    }

    /**
     * A mixture of experts.
     *
     * @param router       (experts, embedding)
     * @param networks     one per expert
     * @param shared       the network that every token goes through
     * @param sharedRouter (1, embedding): the logit of its share
     */
    record Experts(CpuLinear router, Gated[] networks, Gated shared, CpuLinear sharedRouter) {}
}
