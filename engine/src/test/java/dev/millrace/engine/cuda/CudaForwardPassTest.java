package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;

/** The GPU's kernels under the whole contract, with every architecture, on an emulated device. */
@Tag("proof")
class CudaForwardPassTest extends ForwardPassContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @Override
    protected Backend backend() {
        return EmulatedBackend.open(POOL);
    }

    @Override
    protected double tolerance() {
        return 5e-5;
    }

    /** More would take the emulator seconds, and its buffer holds fewer logits too. */
    @Override
    protected int manyTokens() {
        return 1001;
    }
}
