package dev.millrace.bench.gpu;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * The same weights as plain floats: for an oracle that multiplies by what a file says and rounds no
 * activation, as the processor's kernels for blocks do.
 */
final class FloatWeights implements Weights {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ALIGNMENT_BYTES = 64;

    private final Weights weights;

    FloatWeights(Weights weights) {
        this.weights = weights;
    }

    @Override
    public QuantTensor find(WeightRole role, int layer, int expert) {
        QuantTensor tensor = weights.find(role, layer, expert);
        return tensor == null || tensor.format() == QuantFormat.F32 ? tensor : floats(tensor);
    }

    @Override
    public QuantFormat format(WeightRole role, int layer, int expert) {
        return weights.format(role, layer, expert) == null ? null : QuantFormat.F32;
    }

    private static QuantTensor floats(QuantTensor tensor) {
        int columns = Math.toIntExact(tensor.shape().columns());
        float[] row = new float[columns];
        Dequantizer dequantizer = new Dequantizer(tensor.format());
        MemorySegment data = Arena.ofAuto().allocate(
                QuantTensor.bytes(QuantFormat.F32, tensor.shape()), ALIGNMENT_BYTES);
        for (long first = 0; first < tensor.shape().elements(); first += columns) {
            dequantizer.dequantize(tensor, first, columns, row, 0);
            MemorySegment.copy(row, 0, data, FLOAT, first * Float.BYTES, columns);
        }
        return QuantTensor.of(QuantFormat.F32, tensor.shape(), data);
    }

    @Override
    public long totalBytes() {
        return weights.totalBytes();
    }
}
