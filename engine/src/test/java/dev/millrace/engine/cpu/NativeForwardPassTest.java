package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.kernels.WorkerPool;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;

/**
 * The native kernels under the contract. They round activations to 8 bits, by up to half of 1/127
 * of the largest among 32, in every product of every layer; these random models, whose attention is
 * sharper than a trained one's, turn that into single logits off by up to a tenth of the
 * largest, where a head's choice between two positions flips.
 */
class NativeForwardPassTest extends ForwardPassContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @Override
    protected Backend backend() {
        return new CpuBackend(NativeTwin.open(), POOL, Duration.ZERO);
    }

    @Override
    protected double tolerance() {
        return 0.12;
    }
}
