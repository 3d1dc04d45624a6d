package dev.millrace.kernels.cpu;

import com.sun.management.ThreadMXBean;
import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import java.lang.management.ManagementFactory;
import java.time.Duration;

/**
 * Runs every operation until it allocates nothing and says which never got there. A process of its
 * own, because a vector that the compiler boxes depends on what else the process ran.
 */
final class AllocationProbe {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory
            .getThreadMXBean();
    private static final int CALLS = 100;
    private static final Duration LIMIT = Duration.ofSeconds(60);
    /** For what comes after a failure: it most often has the same cause, and nobody should wait. */
    private static final Duration LATER_LIMIT = Duration.ofSeconds(3);
    private static final int COUNT = 259;
    private static final int COLUMNS = 512;
    private static final int OUTPUTS = 48;

    private static Duration limit = LIMIT;

    private final CpuKernels kernels;

    private AllocationProbe(CpuKernels kernels) {
        this.kernels = kernels;
    }

    /** @param arguments the name of a {@link KernelChoice} */
    public static void main(String[] arguments) {
        KernelChoice choice = KernelChoice.valueOf(arguments[0]);
        AllocationProbe probe = new AllocationProbe(choice.open());
        probe.attention(KvFormat.Q8_0);
        if (!choice.roundsActivations()) { // what else is no product is the vector kernels' own
            probe.elements();
            probe.attention(KvFormat.F16);
            probe.attention(KvFormat.F32);
        }
        try (WorkerPool pool = WorkerPool.create(1)) {
            for (QuantFormat format : QuantFormat.values()) {
                if (format.isPlain()
                        && (!choice.roundsActivations() || format.blockElements() > 1)) {
                    probe.matrix(format, pool);
                }
            }
        }
        System.out.println("done");
    }

    private static void check(String operation, Runnable call) {
        long deadline = System.nanoTime() + limit.toNanos();
        long allocated;
        do {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) {
                call.run();
            }
            allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
        } while (allocated > 0 && System.nanoTime() < deadline);
        if (allocated > 0) {
            System.out.println(operation + ": " + allocated + " bytes in " + CALLS + " calls");
            limit = LATER_LIMIT;
        }
    }

    private void elements() {
        float[] x = RandomTensors.gaussians(COUNT, 1);
        float[] y = RandomTensors.gaussians(COUNT, 2);
        float[] out = new float[COUNT];
        check("rmsNorm", () -> kernels.rmsNorm(x, 0, y, 1e-5f, out, 0));
        check("add", () -> kernels.add(out, 0, y, 0, COUNT));
        for (GateFunction function : GateFunction.values()) {
            check("gate " + function, () -> kernels.gate(function, out, y, 0, COUNT));
        }
        check("addScaled", () -> kernels.addScaled(out, 0, y, 0, 0.5f, COUNT));
        check("scale", () -> kernels.scale(out, 0, 0.5f, COUNT));
        check("softCap", () -> kernels.softCap(out, 0, 30, COUNT));
        check("rotate adjacent", () -> kernels.rotate(out, 0, x, y, 0, 120, true));
        check("rotate halves", () -> kernels.rotate(out, 0, x, y, 0, 120, false));
        check("argmax", () -> kernels.argmax(x, 0, COUNT));
        check("expShifted", () -> kernels.expShifted(x, 0, COUNT, 3, 1, out, 0));
    }

    private void attention(KvFormat format) {
        int headSize = 52;
        int heads = 5;
        int[] blockTable = {1, 0, 2};
        float[] query = RandomTensors.gaussians(7 * heads * headSize, 1);
        float[] out = new float[7 * heads * headSize];
        try (CpuKvCache cache = kernels.openCache(format, 1, 1, headSize, 96, 3)) {
            CpuAttention attention = kernels.openAttention(cache, heads,
                    new AttentionRule(0, 0.3f, 20, new float[1][heads]));
            float[] parts = new float[2 * attention.partSize()];
            check(format + " store", () -> kernels.store(cache, 0, 0, 3, query, query, 0));
            check(format + " attend", () -> attention.attend(0, 0, blockTable, 270, 1, query, 0,
                    out, 0));
            check(format + " attend to a few", () -> attention.attend(0, 0, blockTable, 270, 7,
                    query, 0, out, 0));
            check(format + " attend in chunks", () -> {
                attention.attendChunk(0, 0, blockTable, 270, 0, query, 0, parts, 0);
                attention.attendChunk(0, 0, blockTable, 270, 1, query, 0, parts,
                        attention.partSize());
                attention.combine(0, 0, parts, 0, 2, out, 0);
            });
        }
    }

    private void matrix(QuantFormat format, WorkerPool pool) {
        float[] row = new float[COLUMNS];
        float[] y = new float[5 * OUTPUTS];
        Activations x = RandomTensors.activations(kernels,
                RandomTensors.gaussians(5 * COLUMNS, 1), 5);
        check("prepare", () -> kernels.prepare(x, 4));
        try (CpuMatrix matrix = kernels.pack(
                RandomTensors.matrix(format, OUTPUTS, COLUMNS, 2), pool)) {
            check(format + " one row", () -> kernels.multiply(matrix, x, 1, y, 0, OUTPUTS));
            check(format + " rows", () -> kernels.multiply(matrix, x, 5, y, 0, OUTPUTS));
            check(format + " copyRow", () -> kernels.copyRow(matrix, 7, row, 0));
        }
    }
}
