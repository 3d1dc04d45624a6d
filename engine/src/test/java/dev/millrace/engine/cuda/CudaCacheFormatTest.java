package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.CacheFormatContract;
import dev.millrace.kernels.WorkerPool;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;

/** Every cache format on an emulated device, over several chunks of attention. */
@Tag("proof")
class CudaCacheFormatTest extends CacheFormatContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    @Override
    protected Backend backend() {
        return EmulatedBackend.open(POOL);
    }
}
