package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.ArchitectureContract;
import dev.millrace.engine.forward.Backend;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import java.time.Duration;

/** Every family on the scalar kernels. */
class ScalarArchitectureTest extends ArchitectureContract {

    @Override
    protected Backend backend(WorkerPool workers) {
        return new CpuBackend(CpuKernels.scalar(), workers, Duration.ZERO);
    }
}
