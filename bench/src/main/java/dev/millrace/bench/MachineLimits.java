package dev.millrace.bench;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.FmaProbe;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.infra.BenchmarkParams;

/**
 * What the machine can do at most, measured just before every iteration of a benchmark and reported
 * beside its score, so that each is held against the limits of its own second. The benchmark has a
 * parameter {@code threads}.
 */
@AuxCounters(AuxCounters.Type.EVENTS)
@State(Scope.Thread)
public class MachineLimits {

    private WorkerPool pool;
    private MemoryProbe memoryProbe;
    private FmaProbe fmaProbe;
    private double memoryRead;
    private double multiplyAdds;

    /** Opens the probes for as many threads as the benchmark works with. */
    @Setup(Level.Trial)
    public void open(BenchmarkParams parameters) {
        pool = WorkerPool.create(Integer.parseInt(parameters.getParam("threads")));
        memoryProbe = new MemoryProbe(pool);
        fmaProbe = new FmaProbe(pool);
    }

    @Setup(Level.Iteration)
    public void measure() {
        memoryRead = memoryProbe.gigabytesPerSecond();
        multiplyAdds = fmaProbe.gigaMacsPerSecond();
    }

    /** Memory read, in GB/s. */
    public double memoryReadGbPerS() {
        return memoryRead;
    }

    /** Float32 multiply-adds, in billions per second. */
    public double fmaGmacPerS() {
        return multiplyAdds;
    }

    @TearDown(Level.Trial)
    public void close() {
        pool.close();
    }
}
