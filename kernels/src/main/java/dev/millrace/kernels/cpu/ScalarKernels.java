package dev.millrace.kernels.cpu;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/** The reference: every operation as its definition says it, one element at a time. */
final class ScalarKernels implements CpuKernels {

    private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

    /** What one thread needs to dequantise a row; grows to the widest matrix. */
    private static final class Scratch {
        private final Map<QuantFormat, Dequantizer> dequantizers = new EnumMap<>(QuantFormat.class);
        private float[] row = {};

        Dequantizer dequantizer(QuantFormat format) {
            Dequantizer dequantizer = dequantizers.get(format);
            if (dequantizer == null) {
                dequantizer = new Dequantizer(format);
                dequantizers.put(format, dequantizer);
            }
            return dequantizer;
        }

        float[] row(int columns) {
            if (row.length < columns) {
                row = new float[columns];
            }
            return row;
        }
    }

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public String instructions() {
        return "";
    }

    @Override
    public int vectorBits() {
        return 0;
    }

    @Override
    public long packedBytes(QuantFormat format, TensorShape shape) {
        return 0;
    }

    @Override
    public String packedForm(QuantFormat format) {
        return "as the file has them";
    }

    @Override
    public long scratchBytes(int widestColumns) {
        return (long) widestColumns * Float.BYTES;
    }

    @Override
    public CpuMatrix pack(QuantTensor tensor, WorkerPool pool) {
        MatrixChecks.checkPackable(tensor);
        return new ScalarMatrix(tensor);
    }

    @Override
    public Activations openActivations(int rows, int columns) {
        return new Activations(rows, columns, false);
    }

    @Override
    public long activationBytes(int rows, int columns) {
        return (long) rows * columns * Float.BYTES;
    }

    @Override
    public void prepare(Activations x, int row) {
        // Scalar products read the values themselves.
    }

    @Override
    public void multiply(CpuMatrix weight, Activations x, int firstRow, int rows, float[] y,
            int begin, int end) {
        MatrixChecks.checkProduct(weight, x, firstRow, rows, y, begin, end);
        int columns = weight.columns();
        float[] weightRow = scratch.get().row(columns);
        for (int n = begin; n < end; n++) {
            copyRow(weight, n, weightRow, 0);
            for (int r = firstRow; r < firstRow + rows; r++) {
                y[r * weight.rows() + n] = dot(weightRow, x.values(), r * columns, columns);
            }
        }
    }

    private static float dot(float[] weight, float[] x, int xOffset, int count) {
        float sum = 0;
        for (int k = 0; k < count; k++) {
            sum += weight[k] * x[xOffset + k];
        }
        return sum;
    }

    @Override
    public void copyRow(CpuMatrix matrix, int row, float[] out, int outOffset) {
        Objects.checkIndex(row, matrix.rows());
        QuantTensor tensor = ((ScalarMatrix) matrix).tensor();
        scratch.get().dequantizer(tensor.format()).dequantize(tensor.data(),
                row * tensor.rowBytes(), matrix.columns(), out, outOffset);
    }

    @Override
    public void rmsNorm(float[] x, int xOffset, float[] weight, float epsilon, float[] out,
            int outOffset) {
        float squares = 0;
        for (int i = 0; i < weight.length; i++) {
            squares += x[xOffset + i] * x[xOffset + i];
        }
        float factor = (float) (1 / Math.sqrt(squares / weight.length + epsilon));
        for (int i = 0; i < weight.length; i++) {
            out[outOffset + i] = x[xOffset + i] * factor * weight[i];
        }
    }

    @Override
    public void add(float[] x, int xOffset, float[] y, int yOffset, int count) {
        for (int i = 0; i < count; i++) {
            x[xOffset + i] += y[yOffset + i];
        }
    }

    @Override
    public void addScaled(float[] x, int xOffset, float[] y, int yOffset, float factor,
            int count) {
        for (int i = 0; i < count; i++) {
            x[xOffset + i] = Math.fma(factor, y[yOffset + i], x[xOffset + i]);
        }
    }

    @Override
    public void scale(float[] x, int offset, float factor, int count) {
        for (int i = offset; i < offset + count; i++) {
            x[i] *= factor;
        }
    }

    @Override
    public void softCap(float[] x, int offset, float cap, int count) {
        for (int i = offset; i < offset + count; i++) {
            x[i] = (float) (cap * Math.tanh(x[i] / cap));
        }
    }

    @Override
    public void gate(GateFunction function, float[] gate, float[] up, int offset, int count) {
        for (int i = offset; i < offset + count; i++) {
            gate[i] = switch (function) {
                case SILU -> (float) (gate[i] * sigmoid(gate[i])) * up[i];
                case GELU_TANH -> (float) (gate[i] * sigmoid(gate[i]
                        * ((double) GateFunction.GELU_LINEAR
                                + GateFunction.GELU_CUBIC * gate[i] * gate[i])))
                        * up[i];
                case CLAMPED_SILU -> clampedSilu(gate[i], up[i]);
            };
        }
    }

    private static float clampedSilu(float gate, float up) {
        float g = Math.min(gate, GateFunction.CLAMP);
        float u = Math.clamp(up, -GateFunction.CLAMP, GateFunction.CLAMP);
        return (float) (g * sigmoid((double) GateFunction.CLAMPED_SLOPE * g)) * (u + 1);
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    @Override
    public void rotate(float[] x, int offset, float[] cosines, float[] sines, int angleOffset,
            int pairs, boolean adjacent) {
        Rotation.rotate(x, offset, cosines, sines, angleOffset, pairs, adjacent);
    }

    @Override
    public CpuAttention openAttention(CpuKvCache cache, int groupHeads, AttentionRule rule) {
        rule.check(cache, groupHeads);
        return new ScalarAttention(cache, groupHeads, rule);
    }

    @Override
    public int argmax(float[] x, int offset, int count) {
        int best = 0;
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            if (x[offset + i] > max) {
                max = x[offset + i];
                best = i;
            }
        }
        return best;
    }

    @Override
    public double expShifted(float[] x, int xOffset, int count, float max, float scale,
            float[] out, int outOffset) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            out[outOffset + i] = (float) Math.exp((x[xOffset + i] - max) * scale);
            sum += out[outOffset + i];
        }
        return sum;
    }

    /** A unit in the last place of its own, and the polynomial's two. */
    @Override
    public double exponentialError() {
        return 0x1p-21;
    }
}
