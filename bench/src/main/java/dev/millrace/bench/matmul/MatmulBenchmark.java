package dev.millrace.bench.matmul;

import dev.millrace.bench.KernelNames;
import dev.millrace.bench.MachineLimits;
import dev.millrace.bench.MatrixShape;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.RandomWeights;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cpu.CpuMatrix;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One quantised matrix product. The weights rotate among enough copies to exceed the caches, as a
 * model's layers do.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class MatmulBenchmark {

    /** Distinct weights are held until they take this much memory. */
    private static final long WORKING_SET_BYTES = 256L << 20;
    private static final int MOST_COPIES = 1024;
    private static final float DEVIATION = 0.02f;
    /** Relative to the largest output; both sides sum a few thousand products in float32. */
    private static final float TOLERANCE = 1e-3f;
    /** The same where activations are rounded to bytes. */
    private static final float BYTES_TOLERANCE = 2e-2f;

    @Param({"scalar", "vector"})
    public String kernels;

    @Param
    public QuantFormat format;

    /** Outputs x inputs of the weight. */
    @Param({"4096x4096"})
    public String shape;

    /** Rows of activations: 1 is decoding one sequence. */
    @Param({"1"})
    public int rows;

    @Param({"1"})
    public int threads;

    /** What the weight takes where the kernels read it. */
    @AuxCounters(AuxCounters.Type.EVENTS)
    @State(Scope.Thread)
    public static class Packed {

        private long bytes;

        @Setup(Level.Trial)
        public void look(MatmulBenchmark benchmark) {
            long packed = benchmark.weights[0].bytes();
            MatrixShape shape = MatrixShape.parse(benchmark.shape);
            bytes = packed > 0
                    ? packed
                    : shape.outputs() * benchmark.format.rowBytes(shape.inputs());
        }

        /** Bytes of one weight; the file's where the kernels read that. */
        public double weightBytes() {
            return bytes;
        }
    }

    private CpuKernels implementation;
    private WorkerPool pool;
    private TileSplit split;
    private CpuMatrix[] weights;
    private Arena arena;
    private Activations x;
    private float[] y;
    private int next;

    @Setup(Level.Trial)
    public void prepare() {
        implementation = KernelNames.of(kernels);
        pool = WorkerPool.create(threads);
        split = new TileSplit(implementation, pool);
        int outputs = MatrixShape.parse(shape).outputs();
        int inputs = MatrixShape.parse(shape).inputs();
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[rows * inputs];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextDouble() - 0.5);
        }
        x = prepared(implementation, values, rows);
        y = new float[rows * outputs];
        long bytes = format.rowBytes(inputs) * outputs;
        int copies = Math.clamp(WORKING_SET_BYTES / bytes, 1, MOST_COPIES);
        weights = new CpuMatrix[copies];
        arena = Arena.ofShared(); // the scalar kernels read the tensors where they lie
        for (int i = 0; i < copies; i++) {
            var tensor = RandomWeights.tensor(arena, format,
                    TensorShape.matrix(outputs, inputs), DEVIATION, i);
            weights[i] = implementation.pack(tensor, pool);
            if (i == 0) {
                checkAgainstScalar(CpuKernels.scalar().pack(tensor, pool), values);
            }
        }
    }

    private static Activations prepared(CpuKernels kernels, float[] values, int rows) {
        Activations activations = kernels.openActivations(rows, values.length / rows);
        System.arraycopy(values, 0, activations.values(), 0, values.length);
        for (int row = 0; row < rows; row++) {
            kernels.prepare(activations, row);
        }
        return activations;
    }

    /** A fast wrong answer is not a result. */
    private void checkAgainstScalar(CpuMatrix reference, float[] values) {
        float[] expected = new float[reference.rows()];
        CpuKernels.scalar().multiply(reference,
                prepared(CpuKernels.scalar(), values, rows), 1, expected, 0, reference.rows());
        implementation.multiply(weights[0], x, 1, y, 0, weights[0].rows());
        float largest = 0;
        float difference = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            difference = Math.max(difference, Math.abs(expected[i] - y[i]));
        }
        float tolerance = kernels.startsWith("native") ? BYTES_TOLERANCE : TOLERANCE;
        if (!(difference <= tolerance * largest)) {
            throw new IllegalStateException(kernels + " differs from scalar by " + difference
                    + " where outputs reach " + largest + " (" + format + ", " + shape + ")");
        }
    }

    @Benchmark
    public float[] multiply(MachineLimits limits, Packed packed) {
        CpuMatrix weight = weights[next];
        next = next + 1 == weights.length ? 0 : next + 1;
        split.multiply(weight, x, rows, y);
        return y;
    }

    @TearDown(Level.Trial)
    public void free() {
        for (CpuMatrix weight : weights) {
            weight.close();
        }
        arena.close();
        pool.close();
    }
}
