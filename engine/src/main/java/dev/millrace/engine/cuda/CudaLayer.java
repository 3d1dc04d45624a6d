package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaProduct;
import dev.millrace.models.LayerSpec;

/**
 * One transformer block's weights on the device. Addresses of what the model does not have are 0,
 * and products null.
 *
 * @param rotary              angles of its queries and keys
 * @param attentionNorm       (embedding)
 * @param projections         of query, key and value
 * @param attentionOutput     of attention
 * @param queryNorm           (head size) or (heads x head size)
 * @param keyNorm             (head size) or (KV heads x head size)
 * @param sinks               (heads)
 * @param attentionPostNorm   (embedding)
 * @param feedForwardNorm     (embedding)
 * @param dense               the feed-forward network, or the one beside the experts
 * @param experts             the mixture of experts
 * @param feedForwardPostNorm (embedding)
 */
record CudaLayer(LayerSpec spec, Rotary rotary, long attentionNorm, CudaProduct projections,
        CudaProduct attentionOutput, long queryNorm, long keyNorm, long sinks,
        long attentionPostNorm, long feedForwardNorm, Gated dense, Experts experts,
        long feedForwardPostNorm) {

    /** Cosines and sines, (positions, pairs) each. */
    record Rotary(int pairs, boolean adjacent, long cosines, long sines) {

        /** Of a layer that does not turn anything. */
        static final Rotary NONE = new Rotary(0, false, 0, 0);
    }

    /** Of gate and up projection, and back; of one network or all experts. */
    record Gated(CudaProduct gateAndUp, CudaProduct down) {}

    /**
     * A mixture.
     *
     * @param sharedRouter of the logit of the network that every token goes through; or null
     */
    record Experts(CudaProduct router, Gated networks, CudaProduct sharedRouter) {}
}
