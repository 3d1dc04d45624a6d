package dev.millrace.engine.cpu;

import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import java.util.List;

/** What a mixture of experts needs for one step, allocated once for the largest. */
final class ExpertBuffers {

    final float[] logits; // (step tokens, experts)
    final float[] sharedLogits; // (step tokens)
    final ExpertChoice choice;
    final Activations in; // (step tokens x chosen, embedding): tokens by expert
    final float[] up; // (step tokens x chosen, feed forward)
    final float[] out; // (step tokens x chosen, embedding)
    private final List<Activations> gates; // (step tokens x chosen, feed forward), by size

    private ExpertBuffers(CpuKernels kernels, ModelSpec spec, int tokens) {
        List<FeedForwardSpec> mixtures = mixtures(spec);
        int count = mixtures.stream().mapToInt(mixture -> mixture.experts().count()).max()
                .orElseThrow();
        int chosen = chosen(mixtures);
        logits = CpuBuffers.array(tokens, count);
        sharedLogits = new float[tokens];
        choice = new ExpertChoice(tokens, chosen, count);
        int rows = Math.multiplyExact(tokens, chosen);
        in = CpuBuffers.activations(kernels, rows, spec.embeddingSize());
        up = CpuBuffers.array(rows, sizes(mixtures).stream().mapToInt(size -> size).max()
                .orElseThrow());
        out = CpuBuffers.array(rows, spec.embeddingSize());
        gates = sizes(mixtures).stream()
                .map(size -> CpuBuffers.activations(kernels, rows, size)).toList();
    }

    /** Buffers for the mixtures of a model; null if it has none. */
    static ExpertBuffers of(CpuKernels kernels, ModelSpec spec, int tokens) {
        return mixtures(spec).isEmpty() ? null : new ExpertBuffers(kernels, spec, tokens);
    }

    /** What these will take, in bytes. */
    static long bytes(CpuKernels kernels, ModelSpec spec, int tokens) {
        List<FeedForwardSpec> mixtures = mixtures(spec);
        long bytes = 0;
        if (!mixtures.isEmpty()) {
            int count = mixtures.stream().mapToInt(mixture -> mixture.experts().count()).max()
                    .orElseThrow();
            int rows = Math.multiplyExact(tokens, chosen(mixtures));
            long widest = sizes(mixtures).stream().mapToInt(size -> size).max().orElseThrow();
            bytes = Float.BYTES * (tokens * (count + 1L) + rows * (widest + spec.embeddingSize()))
                    + ExpertChoice.bytes(tokens, chosen(mixtures), count)
                    + kernels.activationBytes(rows, spec.embeddingSize());
            for (int size : sizes(mixtures)) {
                bytes += kernels.activationBytes(rows, size);
            }
        }
        return bytes;
    }

    /** Buffers for the gates of experts of this width. */
    Activations gate(int size) {
        return CpuBuffers.ofWidth(gates, size);
    }

    private static List<FeedForwardSpec> mixtures(ModelSpec spec) {
        return spec.layerSpecs().stream().map(LayerSpec::feedForward)
                .filter(network -> network.experts() != null).distinct().toList();
    }

    private static int chosen(List<FeedForwardSpec> mixtures) {
        return mixtures.stream().map(FeedForwardSpec::experts).mapToInt(ExpertSpec::chosen).max()
                .orElseThrow();
    }

    private static List<Integer> sizes(List<FeedForwardSpec> mixtures) {
        return mixtures.stream().map(FeedForwardSpec::size).distinct().toList();
    }
}
