package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.CudaProduct;
import java.util.List;

/**
 * A model's weights on the device.
 *
 * @param tokenEmbedding (vocabulary, embedding), to look up
 * @param outputNorm     (embedding)
 * @param output         (vocabulary, embedding)
 */
record CudaWeights(CudaProduct tokenEmbedding, List<CudaLayer> layers, long outputNorm,
        CudaProduct output) {

    CudaWeights {
        layers = List.copyOf(layers);
    }
}
