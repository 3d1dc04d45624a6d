package dev.millrace.models;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Experts whose weights a checkpoint keeps in one tensor per layer: gates and up projections of all
 * experts, and down projections of all. Three layouts are read:
 *
 * <ul>
 * <li>(experts, 2 x feed forward, embedding), gates before up projections, as transformers 5 keeps
 * mixtures in memory: views
 * <li>the same with gates and up projections in turns: gpt-oss in MXFP4, and its biases
 * <li>(experts, embedding, 2 x feed forward), in turns, inputs before outputs: gpt-oss in floats
 * </ul>
 */
final class StackedExperts {

    private static final int ALIGNMENT_BYTES = 64;

    private final HfFamily family;
    private final int size;
    private final int embedding;
    private final int count;

    /** @param network of the layer */
    StackedExperts(HfFamily family, FeedForwardSpec network, int embedding) {
        this.family = family;
        this.size = network.size();
        this.embedding = embedding;
        this.count = network.experts().count();
    }

    /** The tensor that holds all experts' weights of a role. */
    static String name(WeightRole role, int layer) {
        String stem = switch (role) {
            case EXPERT_GATE, EXPERT_UP -> "gate_up_proj";
            case EXPERT_DOWN -> "down_proj";
            case EXPERT_GATE_BIAS, EXPERT_UP_BIAS -> "gate_up_proj_bias";
            case EXPERT_DOWN_BIAS -> "down_proj_bias";
            default -> throw new IllegalArgumentException(role + " belongs to no expert");
        };
        return "model.layers." + layer + ".mlp.experts." + stem;
    }

    /** The shape that this tensor has. */
    TensorShape shape(WeightRole role, QuantFormat format) {
        boolean transposed = isTransposed(format);
        return switch (role) {
            case EXPERT_GATE, EXPERT_UP -> transposed
                    ? new TensorShape(count, embedding, 2L * size)
                    : new TensorShape(count, 2L * size, embedding);
            case EXPERT_DOWN -> transposed
                    ? new TensorShape(count, size, embedding)
                    : new TensorShape(count, embedding, size);
            case EXPERT_GATE_BIAS, EXPERT_UP_BIAS -> TensorShape.matrix(count, 2L * size);
            default -> TensorShape.matrix(count, embedding);
        };
    }

    private boolean isTransposed(QuantFormat format) {
        return family == HfFamily.GPT_OSS && format.blockElements() == 1;
    }

    /** One expert's weight of a role. */
    QuantTensor take(WeightRole role, int expert, QuantTensor bank) {
        boolean isUp = role == WeightRole.EXPERT_UP || role == WeightRole.EXPERT_UP_BIAS;
        return switch (role) {
            case EXPERT_DOWN_BIAS -> bank.rows(expert, 1);
            case EXPERT_GATE_BIAS, EXPERT_UP_BIAS -> elements(bank.rows(expert, 1), isUp);
            case EXPERT_DOWN -> isTransposed(bank.format())
                    ? transposed(bank.plane(expert), 0, 1)
                    : bank.plane(expert);
            default -> isTransposed(bank.format())
                    ? transposed(bank.plane(expert), isUp ? 1 : 0, 2)
                    : family == HfFamily.GPT_OSS
                            ? everySecondRow(bank.plane(expert), isUp)
                            : bank.plane(expert).rows(isUp ? size : 0, size);
        };
    }

    /** Every second row of a matrix. */
    private static QuantTensor everySecondRow(QuantTensor matrix, boolean fromSecond) {
        long rows = matrix.shape().rows() / 2;
        long rowBytes = matrix.rowBytes();
        MemorySegment data = Arena.ofAuto().allocate(rows * rowBytes, ALIGNMENT_BYTES);
        for (long row = 0; row < rows; row++) {
            MemorySegment.copy(matrix.data(), (2 * row + (fromSecond ? 1 : 0)) * rowBytes, data,
                    row * rowBytes, rowBytes);
        }
        return QuantTensor.of(matrix.format(), TensorShape.matrix(rows,
                matrix.shape().columns()), data);
    }

    private static QuantTensor elements(QuantTensor vector, boolean fromSecond) {
        QuantTensor column = transposed(vector, fromSecond ? 1 : 0, 2);
        return QuantTensor.of(column.format(), TensorShape.vector(column.shape().rows()),
                column.data());
    }

    /** Columns of a matrix of plain floats as rows: every {@code step}-th of them. */
    private static QuantTensor transposed(QuantTensor matrix, int first, int step) {
        long elementBytes = matrix.format().blockBytes();
        long rows = matrix.shape().columns() / step;
        long columns = matrix.shape().rows();
        long stride = matrix.rowBytes();
        MemorySegment data = Arena.ofAuto().allocate(rows * columns * elementBytes,
                ALIGNMENT_BYTES);
        for (long row = 0; row < rows; row++) {
            long from = (row * step + first) * elementBytes;
            long to = row * columns * elementBytes;
            for (long column = 0; column < columns; column++) {
                MemorySegment.copy(matrix.data(), from + column * stride, data,
                        to + column * elementBytes, elementBytes);
            }
        }
        return QuantTensor.of(matrix.format(), TensorShape.matrix(rows, columns), data);
    }
}
