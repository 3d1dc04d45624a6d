package dev.millrace.bench.baseline;

import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J's {@code mmul} into an array that is there already. */
final class Nd4jProduct implements FloatProduct {

    private final long inputs;
    private final long outputs;
    private final INDArray x;
    private final INDArray y;
    /** Transposed views, (inputs, outputs): no element is moved. */
    private final List<INDArray> weights = new ArrayList<>();

    Nd4jProduct(float[] x, int rows, int inputs, int outputs) {
        this.inputs = inputs;
        this.outputs = outputs;
        this.x = Nd4j.create(x, new long[]{rows, inputs}, 'c');
        this.y = Nd4j.createUninitialized(DataType.FLOAT, new long[]{rows, outputs}, 'f');
    }

    @Override
    public void addWeight(float[] weight) {
        weights.add(Nd4j.create(weight, new long[]{outputs, inputs}, 'c').transpose());
    }

    @Override
    public void multiply(int index) {
        x.mmuli(weights.get(index), y);
    }

    @Override
    public float[] output() {
        return y.dup('c').data().asFloat();
    }

    @Override
    public void close() {
        x.close();
        y.close();
    }
}
