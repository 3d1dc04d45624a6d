package dev.millrace.bench.oracle;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.util.HashMap;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** A model's weights as dense matrices, (outputs, inputs); vectors are rows, (1, elements). */
final class NdWeights implements AutoCloseable {

    private record Key(WeightRole role, int layer) {}

    private final Weights source;
    private final Map<Key, INDArray> dense = new HashMap<>();

    NdWeights(Weights source) {
        this.source = source;
    }

    INDArray get(WeightRole role, int layer) {
        return dense.computeIfAbsent(new Key(role, layer), key -> dense(source.get(role, layer)));
    }

    INDArray get(WeightRole role) {
        return get(role, Weights.NO_LAYER);
    }

    private static INDArray dense(QuantTensor tensor) {
        int rows = Math.toIntExact(tensor.shape().rows());
        int columns = Math.toIntExact(tensor.shape().columns());
        float[] elements = new float[rows * columns];
        new Dequantizer(tensor.format()).dequantize(tensor, 0, elements.length, elements, 0);
        return Nd4j.create(elements, new long[]{rows, columns}, 'c');
    }

    /** Bytes of what has been made dense. */
    long bytes() {
        return dense.values().stream().mapToLong(array -> array.length() * Float.BYTES).sum();
    }

    @Override
    public void close() {
        dense.values().forEach(INDArray::close);
        dense.clear();
    }
}
