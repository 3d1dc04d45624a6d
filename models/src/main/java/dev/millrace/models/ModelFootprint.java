package dev.millrace.models;

import dev.millrace.kernels.KvFormat;

/**
 * The memory that a model needs, estimated from its sizes before anything is loaded.
 *
 * @param parameters      elements of all weights
 * @param weightBytes     of all weights, in the file or as a backend packs them
 * @param kvBytesPerToken keys and values of one position over all layers
 * @param contextTokens   longest sequence the model was made for
 */
public record ModelFootprint(long parameters, long weightBytes, long kvBytesPerToken,
        int contextTokens) {

    /** Weights and the cache of so many positions, in bytes; saturates instead of overflowing. */
    public long bytes(long cachedTokens) {
        return cachedTokens > (Long.MAX_VALUE - weightBytes) / kvBytesPerToken
                ? Long.MAX_VALUE
                : weightBytes + kvBytesPerToken * cachedTokens;
    }

    static ModelFootprint of(ModelSpec spec, long parameters, long weightBytes,
            KvFormat cacheFormat) {
        long kvBytesPerToken = spec.layers() * spec.kvHeads()
                * cacheFormat.pairBytes(spec.headSize());
        return new ModelFootprint(parameters, weightBytes, kvBytesPerToken,
                spec.contextTokens());
    }
}
