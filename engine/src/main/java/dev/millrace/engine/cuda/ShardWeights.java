package dev.millrace.engine.cuda;

import dev.millrace.engine.cuda.ShardSplit.Slice;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.AttentionSpec.HeadNorm;
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
        Slice kv = split.heads(device).times(split.spec().headSize());
        Slice queries = kv.times(split.spec().groupHeads());
        boolean allHeads = split.spec().attention().headNorm() == HeadNorm.ALL_HEADS;
        return switch (role) {
            case QUERY -> rows(tensor, queries);
            case KEY, VALUE -> rows(tensor, kv);
            case QUERY_BIAS, ATTENTION_OUTPUT -> columns(tensor, queries);
            case KEY_BIAS, VALUE_BIAS -> columns(tensor, kv);
            case QUERY_NORM -> allHeads ? columns(tensor, queries) : tensor;
            case KEY_NORM -> allHeads ? columns(tensor, kv) : tensor;
            case ATTENTION_SINKS -> columns(tensor,
                    split.heads(device).times(split.spec().groupHeads()));
            case GATE, UP, EXPERT_GATE, EXPERT_UP -> rows(tensor, split.network(layer, device));
            case GATE_BIAS, UP_BIAS, EXPERT_GATE_BIAS, EXPERT_UP_BIAS, DOWN, EXPERT_DOWN ->
                columns(tensor, split.network(layer, device));
            case SHARED_GATE, SHARED_UP -> rows(tensor, split.shared(layer, device));
            case SHARED_DOWN -> columns(tensor, split.shared(layer, device));
            case ATTENTION_OUTPUT_BIAS, DOWN_BIAS, EXPERT_DOWN_BIAS -> device == 0
                    ? tensor
                    : zeros(tensor);
            default -> tensor;
        };
    }

    private static QuantTensor rows(QuantTensor tensor, Slice slice) {
        return tensor.rows(slice.first(), slice.count());
    }

    private static QuantTensor columns(QuantTensor tensor, Slice slice) {
        return tensor.columns(slice.first(), slice.count());
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
