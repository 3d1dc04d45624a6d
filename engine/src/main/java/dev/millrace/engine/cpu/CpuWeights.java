package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuMatrix;
import java.util.List;

/**
 * A model's weights as the kernels packed them. Owns the packed memory and nothing of the file's.
 *
 * @param tokenEmbedding (vocabulary, embedding)
 * @param layers         in order
 * @param outputNorm     (embedding)
 * @param output         (vocabulary, embedding); the same object as the embedding where tied
 * @param bytes          memory that all of it takes
 * @param packed         every matrix once, to close
 */
record CpuWeights(CpuMatrix tokenEmbedding, List<CpuLayer> layers, float[] outputNorm,
        CpuMatrix output, long bytes, List<CpuMatrix> packed) implements AutoCloseable {

    CpuWeights {
        layers = List.copyOf(layers);
        packed = List.copyOf(packed);
    }

    /** What every step reads: all but an embedding that is only looked up. */
    long stepBytes() {
        long lookedUpBytes = tokenEmbedding == output ? 0 : tokenEmbedding.bytes();
        return bytes - lookedUpBytes;
    }

    @Override
    public void close() {
        packed.forEach(CpuMatrix::close);
    }
}
