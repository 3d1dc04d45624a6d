package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.ForwardPassContract;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.EmulatedDriver;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import static org.assertj.core.api.Assertions.*;

/** Warps that run backwards change nothing: none reads what another has not written for sure. */
@Tag("proof")
class ReversedWarpsTest {

    private static final WorkerPool POOL = WorkerPool.create(2);
    private static final int TOKENS = 20;

    @AfterAll
    static void closePool() {
        POOL.close();
    }

    static List<RandomModel> models() {
        return ForwardPassContract.models();
    }

    @ParameterizedTest
    @MethodSource("models")
    void theOrderOfWarpsChangesNoBit(RandomModel model) {
        float[] forwards = logits(model);
        long before = EmulatedDriver.set("reverse", 1);
        try {
            assertThat(logits(model)).isEqualTo(forwards);
        } finally {
            EmulatedDriver.set("reverse", before);
        }
    }

    private static float[] logits(RandomModel model) {
        int[] tokens = new Random(1).ints(TOKENS, 0, model.spec().vocabularySize()).toArray();
        try (ForwardPass pass = EmulatedBackend.open(POOL).open(model.spec(), model,
                new MemoryBudget(1L << 30, RandomModel.CONTEXT_TOKENS, 2, 32))) {
            SequenceFeed feed = SequenceFeed.inBlocks(0, 3);
            feed.logits(pass, tokens);
            return feed.step(pass, new FullLogits(1), null, 3).values();
        }
    }
}
