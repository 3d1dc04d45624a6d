package dev.millrace.bench.baseline;

import dev.millrace.bench.MachineLimits;
import dev.millrace.bench.MatrixShape;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
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
 * A library's float32 product of the shapes that the quantised products are measured with. The
 * weights rotate among enough copies to exceed the caches.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class FloatProductBenchmark {

    /** Distinct weights are held until they take this much memory. */
    private static final long WORKING_SET_BYTES = 256L << 20;
    private static final int MOST_COPIES = 1024;
    private static final float TOLERANCE = 1e-4f;

    @Param("openblas")
    public String library;

    /** Outputs x inputs of the weight. */
    @Param("4096x4096")
    public String shape;

    /** Rows of activations. */
    @Param("1")
    public int rows;

    @Param("1")
    public int threads;

    private FloatProduct product;
    private int copies;
    private int next;

    @Setup(Level.Trial)
    public void prepare() {
        MatrixShape sides = MatrixShape.parse(shape);
        SplittableRandom random = new SplittableRandom(1);
        float[] x = floats(random, (long) rows * sides.inputs());
        product = FloatLibrary.require(library).open(x, rows, sides.inputs(), sides.outputs(),
                threads);
        copies = Math.clamp(WORKING_SET_BYTES / (sides.elements() * Float.BYTES), 1, MOST_COPIES);
        for (int i = 0; i < copies; i++) {
            float[] weight = floats(random, sides.elements());
            product.addWeight(weight);
            if (i == 0) {
                check(x, weight, sides);
            }
        }
    }

    private static float[] floats(SplittableRandom random, long count) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble() - 0.5f;
        }
        return values;
    }

    /** A baseline that multiplies something else is none: the last row is computed in double. */
    private void check(float[] x, float[] weight, MatrixShape sides) {
        product.multiply(0);
        float[] y = product.output();
        int row = rows - 1;
        for (int output = 0; output < sides.outputs(); output++) {
            double expected = 0;
            double size = 0;
            for (int i = 0; i < sides.inputs(); i++) {
                double term = (double) x[row * sides.inputs() + i]
                        * weight[output * sides.inputs() + i];
                expected += term;
                size += Math.abs(term);
            }
            double difference = Math.abs(expected - y[row * sides.outputs() + output]);
            if (!(difference <= TOLERANCE * size)) {
                throw new IllegalStateException(library + " is off by " + difference
                        + " in output " + output + ", where products sum to " + size);
            }
        }
    }

    @Benchmark
    public FloatProductBenchmark multiply(MachineLimits limits) {
        product.multiply(next);
        next = next + 1 == copies ? 0 : next + 1;
        return this;
    }

    @TearDown(Level.Trial)
    public void free() {
        product.close();
    }
}
