package dev.millrace.bench.baseline;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas;

/** OpenBLAS's {@code sgemm}. */
final class OpenBlasProduct implements FloatProduct {

    private final int rows;
    private final int inputs;
    private final int outputs;
    private final FloatPointer x;
    private final FloatPointer y;
    private final List<FloatPointer> weights = new ArrayList<>();

    OpenBlasProduct(float[] x, int rows, int inputs, int outputs) {
        this.rows = rows;
        this.inputs = inputs;
        this.outputs = outputs;
        this.x = new FloatPointer(x);
        this.y = new FloatPointer((long) rows * outputs);
    }

    @Override
    public void addWeight(float[] weight) {
        weights.add(new FloatPointer(weight));
    }

    @Override
    public void multiply(int index) {
        openblas.cblas_sgemm(openblas.CblasRowMajor, openblas.CblasNoTrans, openblas.CblasTrans,
                rows, outputs, inputs, 1, x, inputs, weights.get(index), inputs, 0, y, outputs);
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
