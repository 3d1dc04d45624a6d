package dev.millrace.bench.baseline;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;

/** A product by a library that takes pointers: their memory is here, the call in the subclass. */
abstract class PointerProduct implements FloatProduct {

    final int rows;
    final int inputs;
    final int outputs;
    final FloatPointer x;
    final FloatPointer y;
    private final List<FloatPointer> weights = new ArrayList<>();

    PointerProduct(float[] x, int rows, int inputs, int outputs) {
        this.rows = rows;
        this.inputs = inputs;
        this.outputs = outputs;
        this.x = new FloatPointer(x);
        this.y = new FloatPointer((long) rows * outputs);
    }

    /** Sets y to the product of x with the transpose of a weight, (outputs, inputs). */
    abstract void multiply(FloatPointer weight);

    @Override
    public void addWeight(float[] weight) {
        weights.add(new FloatPointer(weight));
    }

    @Override
    public void multiply(int index) {
        multiply(weights.get(index));
    }

    @Override
    public float[] output() {
        float[] output = new float[rows * outputs];
        y.get(output);
        return output;
    }

    @Override
    public void close() {
        weights.forEach(FloatPointer::close);
        x.close();
        y.close();
    }
}
