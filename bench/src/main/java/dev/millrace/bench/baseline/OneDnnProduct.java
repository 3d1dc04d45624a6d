package dev.millrace.bench.baseline;

import dev.millrace.bench.BenchException;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.FloatPointer;

/** oneDNN's {@code sgemm}. */
final class OneDnnProduct extends PointerProduct {

    private static final int SUCCESS = 0;

    OneDnnProduct(float[] x, int rows, int inputs, int outputs) {
        super(x, rows, inputs, outputs);
    }

    @Override
    void multiply(FloatPointer weight) {
        int status = dnnl.dnnl_sgemm((byte) 'N', (byte) 'T', rows, outputs, inputs, 1, x, inputs,
                weight, inputs, 0, y, outputs);
        if (status != SUCCESS) {
            throw new BenchException("oneDNN's sgemm failed with status " + status);
        }
    }
}
