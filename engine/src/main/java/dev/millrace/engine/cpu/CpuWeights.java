package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.ExpertSpec;
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

    /**
     * What a step of one token reads: all but an embedding that is only looked up, and experts that
     * are not chosen.
     */
    long stepBytes() {
        long lookedUpBytes = tokenEmbedding == output ? 0 : tokenEmbedding.bytes();
        return bytes - lookedUpBytes
                - layers.stream().mapToLong(CpuWeights::bytesOfExpertsNotChosen).sum();
    }

    private static long bytesOfExpertsNotChosen(CpuLayer layer) {
        if (layer.experts() == null) {
            return 0;
        }
        CpuLayer.Gated one = layer.experts().networks()[0];
        long oneBytes = one.gate().matrix().bytes() + one.up().matrix().bytes()
                + one.down().matrix().bytes();
        ExpertSpec experts = layer.spec().feedForward().experts();
        return (experts.count() - experts.chosen()) * oneBytes;
    }

    @Override
    public void close() {
        packed.forEach(CpuMatrix::close);
    }
}
