package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.CudaActivations;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;

/** Activations of one half under the whole contract, with some architectures, emulated. */
@Tag("proof")
class HalfActivationsTest extends ForwardPassContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    /**
     * With sliding windows and caps, halves, and minimums. A choice of experts may fall otherwise
     * than the reference's.
     */
    public static List<RandomModel> models() {
        return RandomModel.all().stream().filter(model -> List.of("as gemma 2", "format F16",
                "Q4_K").stream().anyMatch(model.toString()::endsWith)).toList();
    }

    @Override
    protected Backend backend() {
        return EmulatedBackend.open(POOL,
                new CudaSettings(CudaLaunches.CAPTURED, CudaActivations.F16));
    }

    /** Eleven bits of an activation, rounded some thirty times on the way. */
    @Override
    protected double tolerance() {
        return 4e-3;
    }

    @Override
    protected int manyTokens() {
        return 1001;
    }
}
