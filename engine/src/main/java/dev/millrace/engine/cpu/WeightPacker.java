package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.ArrayList;
import java.util.List;

/** Packs a model's weights one by one, and stops where they outgrow the budget. */
final class WeightPacker {

    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final ModelSpec spec;
    private final Weights weights;
    private final long limitBytes;
    private final List<CpuMatrix> packed = new ArrayList<>();
    private long bytes;

    /** @param limitBytes most that the packed weights may take */
    WeightPacker(CpuKernels kernels, WorkerPool pool, ModelSpec spec, Weights weights,
            long limitBytes) {
        this.kernels = kernels;
        this.pool = pool;
        this.spec = spec;
        this.weights = weights;
        this.limitBytes = limitBytes;
    }

    /** @throws BackendException if a weight has an unexpected shape or all are too much */
    CpuWeights pack() {
        try {
            return packAll();
        } catch (RuntimeException | Error e) {
            packed.forEach(CpuMatrix::close);
            throw e;
        }
    }

    private CpuWeights packAll() {
        int embedding = spec.embeddingSize();
        CpuMatrix tokenEmbedding = matrix(WeightRole.TOKEN_EMBEDDING, Weights.NO_LAYER,
                spec.vocabularySize(), embedding);
        CpuMatrix output = spec.tiedEmbeddings()
                ? tokenEmbedding
                : matrix(WeightRole.OUTPUT, Weights.NO_LAYER, spec.vocabularySize(), embedding);
        float[] outputNorm = vector(WeightRole.OUTPUT_NORM, Weights.NO_LAYER, embedding);
        List<CpuLayer> layers = new ArrayList<>();
        for (int layer = 0; layer < spec.layers(); layer++) {
            layers.add(layer(layer));
        }
        return new CpuWeights(tokenEmbedding, layers, outputNorm, output, bytes, packed);
    }

    private CpuLayer layer(int layer) {
        int embedding = spec.embeddingSize();
        int querySize = spec.querySize();
        int kvSize = spec.kvSize();
        int feedForward = spec.feedForwardSize();
        return new CpuLayer(
                vector(WeightRole.ATTENTION_NORM, layer, embedding),
                matrix(WeightRole.QUERY, layer, querySize, embedding),
                matrix(WeightRole.KEY, layer, kvSize, embedding),
                matrix(WeightRole.VALUE, layer, kvSize, embedding),
                bias(WeightRole.QUERY_BIAS, layer, querySize),
                bias(WeightRole.KEY_BIAS, layer, kvSize),
                bias(WeightRole.VALUE_BIAS, layer, kvSize),
                matrix(WeightRole.ATTENTION_OUTPUT, layer, embedding, querySize),
                vector(WeightRole.FEED_FORWARD_NORM, layer, embedding),
                matrix(WeightRole.GATE, layer, feedForward, embedding),
                matrix(WeightRole.UP, layer, feedForward, embedding),
                matrix(WeightRole.DOWN, layer, embedding, feedForward));
    }

    private CpuMatrix matrix(WeightRole role, int layer, int rows, int columns) {
        QuantTensor tensor = weights.get(role, layer);
        requireShape(role, layer, tensor, TensorShape.matrix(rows, columns));
        CpuMatrix matrix = kernels.pack(tensor, pool);
        packed.add(matrix);
        take(matrix.bytes());
        if (matrix.bytes() > 0 && tensor.data().isMapped()) {
            tensor.data().unload(); // the copy serves from here on: once in memory, not twice
        }
        return matrix;
    }

    private float[] bias(WeightRole role, int layer, int size) {
        return spec.attentionBias() ? vector(role, layer, size) : null;
    }

    /** A vector in whatever format the file holds it, as floats. */
    private float[] vector(WeightRole role, int layer, int size) {
        QuantTensor tensor = weights.get(role, layer);
        requireShape(role, layer, tensor, TensorShape.vector(size));
        take((long) size * Float.BYTES);
        return floats(tensor);
    }

    /** The divisors of the rotary frequencies, or null where the model has none. */
    float[] ropeFactors() {
        QuantTensor tensor = weights.find(WeightRole.ROPE_FACTORS, Weights.NO_LAYER);
        if (tensor == null) {
            return null;
        }
        requireShape(WeightRole.ROPE_FACTORS, Weights.NO_LAYER, tensor,
                TensorShape.vector(spec.rope().dimensions() / 2));
        return floats(tensor);
    }

    private float[] floats(QuantTensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.shape().columns())];
        try (CpuMatrix matrix = kernels.pack(tensor, pool)) {
            kernels.copyRow(matrix, 0, values, 0);
        }
        return values;
    }

    private void take(long moreBytes) {
        bytes += moreBytes;
        if (bytes > limitBytes) {
            throw new BackendException("the weights of " + spec.name() + " take more than the "
                    + limitBytes + " bytes that the memory limit leaves for them (the file holds "
                    + weights.totalBytes()
                    + "); raise the memory limit or use a smaller quantisation");
        }
    }

    private static void requireShape(WeightRole role, int layer, QuantTensor tensor,
            TensorShape expected) {
        if (!tensor.shape().equals(expected)) {
            throw new BackendException("the " + role + " weight"
                    + (role.perLayer() ? " of layer " + layer : "") + " is " + tensor.shape()
                    + ", but the model's sizes ask for " + expected
                    + "; the file is damaged or of an unsupported kind");
        }
    }
}
