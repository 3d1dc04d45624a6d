package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.ShardSplit.Slice;
import dev.millrace.kernels.OrderedTensor;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;

/**
 * One device's share of a model's weights: rows of what makes heads and networks, the same columns
 * of what takes their outputs back, and everything else whole. What is added to outputs comes from
 * the first device only, so that their sum has it once.
 */
final class ShardWeights implements Weights {

    private final Weights whole;
    private final ShardSplit split;
    private final int device;

    ShardWeights(Weights whole, ShardSplit split, int device) {
        this.whole = whole;
        this.split = split;
        this.device = device;
    }

    @Override
    public QuantTensor find(WeightRole role, int layer, int expert) {
        QuantTensor tensor = whole.find(role, layer, expert);
        if (tensor == null) {
            return null;
        }
        Slice rows = split.rows(role, layer, device);
        Slice columns = split.columns(role, layer, device);
        if (rows != null) {
            return tensor.rows(rows.first(), rows.count());
        }
        if (columns != null) {
            return tensor.columns(columns.first(), columns.count());
        }
        return switch (role) {
            case ATTENTION_OUTPUT_BIAS, DOWN_BIAS, EXPERT_DOWN_BIAS -> device == 0
                    ? tensor
                    : zeros(tensor);
            default -> tensor;
        };
    }

    /** Where columns are shared out, their order runs across the devices' shares. */
    private boolean keepsOrder(WeightRole role, int layer) {
        return split.columns(role, layer, device) == null;
    }

    @Override
    public OrderedTensor findOrdered(WeightRole role, int layer, int expert) {
        OrderedTensor ordered = keepsOrder(role, layer)
                ? whole.findOrdered(role, layer, expert)
                : null;
        Slice rows = split.rows(role, layer, device);
        return ordered == null || rows == null
                ? ordered
                : new OrderedTensor(ordered.tensor().rows(rows.first(), rows.count()),
                        ordered.order());
    }

    @Override
    public QuantFormat orderedFormat(WeightRole role, int layer, int expert) {
        return keepsOrder(role, layer) ? whole.orderedFormat(role, layer, expert) : null;
    }

    private static QuantTensor zeros(QuantTensor like) {
        return QuantTensor.of(QuantFormat.F32, like.shape(),
                MemorySegment.ofArray(new float[Math.toIntExact(like.shape().columns())]));
    }

    @Override
    public QuantFormat format(WeightRole role, int layer, int expert) {
        return whole.format(role, layer, expert);
    }

    @Override
    public long totalBytes() {
        return whole.totalBytes();
    }
}
