package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;

/** The vector kernels of the width that this machine prefers under the contract. */
class VectorForwardPassTest extends ForwardPassContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @Override
    protected Backend backend() {
        return new CpuBackend(CpuKernels.vector(), POOL, Duration.ZERO);
    }

    @Override
    protected double tolerance() {
        return 5e-5;
    }
}
