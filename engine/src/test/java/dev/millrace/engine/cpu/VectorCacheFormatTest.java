package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.CacheFormatContract;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;

/** Caches of every format on the vector kernels. */
class VectorCacheFormatTest extends CacheFormatContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @Override
    protected Backend backend() {
        return new CpuBackend(CpuKernels.vector(), POOL, Duration.ZERO);
    }
}
