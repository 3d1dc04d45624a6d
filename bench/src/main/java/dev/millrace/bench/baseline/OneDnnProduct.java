package dev.millrace.bench.baseline;

import dev.millrace.bench.BenchException;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.FloatPointer;

/** oneDNN's {@code sgemm}. */
final class OneDnnProduct implements FloatProduct {

    private static final int SUCCESS = 0;

    private final int rows;
    private final int inputs;
    private final int outputs;
    private final FloatPointer x;
    private final FloatPointer y;
    private final List<FloatPointer> weights = new ArrayList<>();

    OneDnnProduct(float[] x, int rows, int inputs, int outputs) {
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
        int status = dnnl.dnnl_sgemm((byte) 'N', (byte) 'T', rows, outputs, inputs, 1, x, inputs,
                weights.get(index), inputs, 0, y, outputs);
        if (status != SUCCESS) {
            throw new BenchException("oneDNN's sgemm failed with status " + status);
        }
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
