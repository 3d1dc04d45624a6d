package dev.millrace.engine.cpu;

import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
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
    /** The same of type 1; null where texts come alone or no such type is. */
    final float[] secondPositions;
    final Norm embeddingNorm;
    final List<Layer> layers = new ArrayList<>();
    /** Null of an encoder that makes vectors. */
    final ScoreHead score;

    CpuEncoderWeights(EncoderModel model, CpuKernels kernels, WorkerPool pool) {
        this.model = model;
        this.kernels = kernels;
        this.pool = pool;
        try {
            tokenEmbedding = matrix(EncoderRole.TOKEN_EMBEDDING, EncoderModel.NO_LAYER);
            positions = positions(0);
            secondPositions = marksSecond(model.spec()) ? positions(1) : null;
            embeddingNorm = norm(EncoderRole.EMBEDDING_NORM, EncoderModel.NO_LAYER);
            for (int layer = 0; layer < model.spec().layers(); layer++) {
                layers.add(new Layer(linear(EncoderRole.QUERY, layer),
                        linear(EncoderRole.KEY, layer), linear(EncoderRole.VALUE, layer),
                        linear(EncoderRole.ATTENTION_OUTPUT, layer),
                        norm(EncoderRole.ATTENTION_NORM, layer), linear(EncoderRole.UP, layer),
                        linear(EncoderRole.DOWN, layer), norm(EncoderRole.OUTPUT_NORM, layer)));
            }
            score = model.spec().scores() ? score() : null;
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Whether a second text has an embedding of its own. */
    static boolean marksSecond(EncoderSpec spec) {
        return spec.scores() && spec.tokenTypes() > 1;
    }

    private float[] positions(int tokenType) {
        EncoderSpec spec = model.spec();
        int width = spec.embeddingSize();
        float[] type = rows(model.weight(EncoderRole.TYPE_EMBEDDING, EncoderModel.NO_LAYER)
                .rows(tokenType, 1), 1);
        float[] sums = rows(model.weight(EncoderRole.POSITION_EMBEDDING, EncoderModel.NO_LAYER)
                .rows(spec.firstPosition(), spec.contextTokens()), spec.contextTokens());
        for (int position = 0; position < spec.contextTokens(); position++) {
            kernels.add(sums, position * width, type, 0, width);
        }
        return sums;
    }

    private ScoreHead score() {
        int place = EncoderModel.NO_LAYER;
        return new ScoreHead(
                rows(model.weight(EncoderRole.SCORE_DENSE, place), model.spec().embeddingSize()),
                rows(model.bias(EncoderRole.SCORE_DENSE, place), 1),
                rows(model.weight(EncoderRole.SCORE_OUTPUT, place), 1),
                rows(model.bias(EncoderRole.SCORE_OUTPUT, place), 1)[0]);
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

    /** What an encoder's weights take once packed. */
    static long bytes(EncoderModel model, CpuKernels kernels) {
        EncoderSpec spec = model.spec();
        long bytes = lookedUpBytes(model, kernels);
        for (EncoderRole role : EncoderRole.of(spec)) {
            int copies = role.perLayer() ? spec.layers() : 1;
            int first = role.perLayer() ? 0 : EncoderModel.NO_LAYER;
            for (int layer = first; layer < first + copies; layer++) {
                if (role.biased()) {
                    bytes += floatBytes(role.biasShape(spec));
                }
                bytes += switch (role) {
                    case TOKEN_EMBEDDING, POSITION_EMBEDDING, TYPE_EMBEDDING -> 0;
                    case EMBEDDING_NORM, ATTENTION_NORM, OUTPUT_NORM, SCORE_DENSE, SCORE_OUTPUT ->
                        floatBytes(role.shape(spec));
                    default -> packedBytes(model, kernels, role, layer);
                };
            }
        }
        return bytes;
    }

    /** What the tables take of which a step reads some rows only. */
    static long lookedUpBytes(EncoderModel model, CpuKernels kernels) {
        EncoderSpec spec = model.spec();
        long tables = marksSecond(spec) ? 2 : 1;
        return packedBytes(model, kernels, EncoderRole.TOKEN_EMBEDDING, EncoderModel.NO_LAYER)
                + tables * spec.contextTokens() * spec.embeddingSize() * Float.BYTES;
    }

    private static long packedBytes(EncoderModel model, CpuKernels kernels, EncoderRole role,
            int layer) {
        QuantTensor tensor = model.weight(role, layer);
        return kernels.packedBytes(tensor.format(), tensor.shape());
    }

    private static long floatBytes(TensorShape shape) {
        return shape.elements() * Float.BYTES;
    }

    @Override
    public void close() {
        packed.forEach(CpuMatrix::close);
    }
}
