package dev.millrace.bench.baseline;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas;

/** OpenBLAS's {@code sgemm}. */
final class OpenBlasProduct extends PointerProduct {

    OpenBlasProduct(float[] x, int rows, int inputs, int outputs) {
        super(x, rows, inputs, outputs);
    }

    @Override
    void multiply(FloatPointer weight) {
        openblas.cblas_sgemm(openblas.CblasRowMajor, openblas.CblasNoTrans, openblas.CblasTrans,
                rows, outputs, inputs, 1, x, inputs, weight, inputs, 0, y, outputs);
    }
}
