package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.ArchitectureContract;
import dev.millrace.engine.forward.Backend;
import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.api.Tag;

/** Every family on an emulated GPU, to the bounds that hold on the processor. */
@Tag("proof")
class CudaArchitectureTest extends ArchitectureContract {

    @Override
    protected Backend backend(WorkerPool workers) {
        return EmulatedBackend.open(workers);
    }
}
