package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.kernels.WorkerPool;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;

/** Two emulated devices under the whole contract, with whatever devices share in its own way. */
@Tag("proof")
class ShardedForwardPassTest extends ForwardPassContract {

    private static final WorkerPool POOL = WorkerPool.create(2);

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    /** A norm of all heads; experts and a network beside them. */
    public static List<RandomModel> models() {
        return RandomModel.all().stream().filter(model -> List.of("as olmo2", "as qwen2-moe")
                .stream().anyMatch(model.toString()::endsWith)).toList();
    }

    @Override
    protected Backend backend() {
        return EmulatedBackend.open(POOL, 2);
    }

    @Override
    protected double tolerance() {
        return 5e-5;
    }

    @Override
    protected int manyTokens() {
        return 1001;
    }
}
