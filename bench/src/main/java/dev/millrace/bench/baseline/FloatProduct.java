package dev.millrace.bench.baseline;

/** {@code y = x * weight^T} in float32 by a library, with x given once and several weights. */
interface FloatProduct extends AutoCloseable {

    /** Keeps a weight, (outputs, inputs), in the library's memory. */
    void addWeight(float[] weight);

    /** Multiplies by the weight that was added as the {@code index}th. */
    void multiply(int index);

    /** The last product, (rows, outputs). */
    float[] output();

    @Override
    void close();
}
