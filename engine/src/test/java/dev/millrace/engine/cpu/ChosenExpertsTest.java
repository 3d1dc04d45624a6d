package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest.FullLogits;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.assertThat;

/** Experts that no token chose are not read: if they hold nothing but NaN, nobody notices. */
class ChosenExpertsTest {

    private static final int TOKEN = 3;

    @Test
    void expertsThatNobodyChoseDoNotMatter() {
        RandomModel model = RandomModel.all().stream()
                .filter(each -> each.toString().startsWith("experts")).findFirst().orElseThrow();
        int neverChosen = 0;
        int chosen = 0;
        try (WorkerPool pool = WorkerPool.create(2)) {
            CpuBackend backend = new CpuBackend(CpuKernels.scalar(), pool, Duration.ZERO);
            RowResult expected = step(backend, model.spec(), model);
            for (int expert = 0; expert < 7; expert++) {
                RowResult result = step(backend, model.spec(), new Poisoned(model, 2, expert));
                if (result.poisoned()) {
                    chosen++;
                } else {
                    assertThat(result.values()).isEqualTo(expected.values());
                    neverChosen++;
                }
            }
        }
        assertThat(chosen).isPositive();
        assertThat(neverChosen).isPositive();
    }

    private static RowResult step(CpuBackend backend, ModelSpec spec, Weights weights) {
        try (ForwardPass pass = backend.open(spec, weights,
                new MemoryBudget(1L << 30, 64, 1, 64))) {
            return SequenceFeed.inBlocks(0, 2).step(pass, new FullLogits(1), null, TOKEN);
        }
    }

    /** A model in which all matrices of an expert are not numbers. */
    private record Poisoned(Weights model, int layer, int expert) implements Weights {

        @Override
        public QuantTensor find(WeightRole role, int layer, int expert) {
            QuantTensor tensor = model.find(role, layer, expert);
            if (!role.perExpert() || layer != this.layer || expert != this.expert) {
                return tensor;
            }
            MemorySegment data = MemorySegment.ofArray(
                    new byte[(int) tensor.data().byteSize()]);
            data.fill((byte) 0xff);
            return QuantTensor.of(tensor.format(), tensor.shape(), data);
        }

        @Override
        public long totalBytes() {
            return model.totalBytes();
        }
    }
}
