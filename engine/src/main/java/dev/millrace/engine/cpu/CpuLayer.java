package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuMatrix;

/**
 * One transformer block's weights, packed. Biases are null where the model has none.
 *
 * @param attentionNorm   (embedding)
 * @param query           (heads x head size, embedding)
 * @param key             (KV heads x head size, embedding)
 * @param value           (KV heads x head size, embedding)
 * @param queryBias       (heads x head size)
 * @param keyBias         (KV heads x head size)
 * @param valueBias       (KV heads x head size)
 * @param attentionOutput (embedding, heads x head size)
 * @param feedForwardNorm (embedding)
 * @param gate            (feed forward, embedding)
 * @param up              (feed forward, embedding)
 * @param down            (embedding, feed forward)
 */
record CpuLayer(float[] attentionNorm, CpuMatrix query, CpuMatrix key, CpuMatrix value,
        float[] queryBias, float[] keyBias, float[] valueBias, CpuMatrix attentionOutput,
        float[] feedForwardNorm, CpuMatrix gate, CpuMatrix up, CpuMatrix down) {}
