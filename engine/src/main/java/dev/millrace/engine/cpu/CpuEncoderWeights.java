package dev.millrace.engine.cpu;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.EncoderRole;
import dev.millrace.models.EncoderSpec;
import java.util.ArrayList;
import java.util.List;

/** An encoder's weights, packed. */
final class CpuEncoderWeights implements AutoCloseable {

    /** A layer norm: factors and what is added. */
    record Norm(float[] weight, float[] bias) {}

    /** One transformer block. */
    record Layer(CpuLinear query, CpuLinear key, CpuLinear value, CpuLinear attentionOutput,
            Norm attentionNorm, CpuLinear up, CpuLinear down, Norm outputNorm) {}

    private final EncoderModel model;
    private final CpuKernels kernels;
    private final WorkerPool pool;
    private final List<CpuMatrix> packed = new ArrayList<>();

    final CpuMatrix tokenEmbedding;
    final float[] positions; // (context, embedding), with the embedding of token type 0 added
    final Norm embeddingNorm;
    final List<Layer> layers = new ArrayList<>();

    CpuEncoderWeights(EncoderModel model, CpuKernels kernels, WorkerPool pool) {
        this.model = model;
        this.kernels = kernels;
        this.pool = pool;
        try {
            tokenEmbedding = matrix(EncoderRole.TOKEN_EMBEDDING, EncoderModel.NO_LAYER);
            positions = positions();
            embeddingNorm = norm(EncoderRole.EMBEDDING_NORM, EncoderModel.NO_LAYER);
            for (int layer = 0; layer < model.spec().layers(); layer++) {
                layers.add(new Layer(linear(EncoderRole.QUERY, layer),
                        linear(EncoderRole.KEY, layer), linear(EncoderRole.VALUE, layer),
                        linear(EncoderRole.ATTENTION_OUTPUT, layer),
                        norm(EncoderRole.ATTENTION_NORM, layer), linear(EncoderRole.UP, layer),
                        linear(EncoderRole.DOWN, layer), norm(EncoderRole.OUTPUT_NORM, layer)));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private float[] positions() {
        EncoderSpec spec = model.spec();
        int width = spec.embeddingSize();
        float[] type = rows(model.weight(EncoderRole.TYPE_EMBEDDING, EncoderModel.NO_LAYER), 1);
        float[] sums = rows(model.weight(EncoderRole.POSITION_EMBEDDING, EncoderModel.NO_LAYER),
                spec.contextTokens());
        for (int position = 0; position < spec.contextTokens(); position++) {
            kernels.add(sums, position * width, type, 0, width);
        }
        return sums;
    }

    private CpuLinear linear(EncoderRole role, int layer) {
        return new CpuLinear(matrix(role, layer), rows(model.bias(role, layer), 1));
    }

    private Norm norm(EncoderRole role, int layer) {
        return new Norm(rows(model.weight(role, layer), 1), rows(model.bias(role, layer), 1));
    }

    private CpuMatrix matrix(EncoderRole role, int layer) {
        CpuMatrix matrix = kernels.pack(model.weight(role, layer), pool);
        packed.add(matrix);
        return matrix;
    }

    /** The first rows of a tensor as floats. */
    private float[] rows(QuantTensor tensor, int count) {
        int width = Math.toIntExact(tensor.shape().columns());
        float[] values = CpuBuffers.array(count, width);
        try (CpuMatrix matrix = kernels.pack(tensor, pool)) {
            for (int row = 0; row < count; row++) {
                kernels.copyRow(matrix, row, values, row * width);
            }
        }
        return values;
    }

    @Override
    public void close() {
        packed.forEach(CpuMatrix::close);
    }
}
