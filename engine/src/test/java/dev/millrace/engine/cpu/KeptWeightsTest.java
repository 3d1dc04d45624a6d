package dev.millrace.engine.cpu;

import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.cpu.packed.PackedKey;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.OutputRequest;
import dev.millrace.engine.forward.RandomModel;
import dev.millrace.engine.forward.SequenceFeed;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.WeightRole;
import dev.millrace.models.WeightSource;
import dev.millrace.models.Weights;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

/** A pass computes the same with weights that an earlier one packed. */
class KeptWeightsTest {

    private static final int CONTEXT = RandomModel.CONTEXT_TOKENS;
    private static final MemoryBudget AMPLE = new MemoryBudget(1L << 30, CONTEXT, 4, CONTEXT);

    @TempDir
    Path place;

    private final WorkerPool pool = WorkerPool.create(2);
    private PackedFolder folder;

    @BeforeEach
    void openFolder() {
        folder = new PackedFolder(place, 1L << 30, 0);
    }

    @AfterEach
    void closePool() {
        pool.close();
    }

    /** Models whose matrices are in a format of the native kernels. */
    private static List<RandomModel> models() {
        return RandomModel.all().stream()
                .filter(model -> model.get(WeightRole.QUERY, 0).format() == QuantFormat.Q8_0)
                .toList();
    }

    /** Weights as if of a file. @param readable whether there is more to them than formats */
    private record Stored(RandomModel model, boolean readable) implements Weights {

        @Override
        public QuantTensor find(WeightRole role, int layer, int expert) {
            QuantTensor tensor = model.find(role, layer, expert);
            assertThat(readable || tensor == null || tensor.format() != QuantFormat.Q8_0)
                    .as("%s of layer %d was asked for", role, layer).isTrue();
            return tensor;
        }

        @Override
        public QuantFormat format(WeightRole role, int layer, int expert) {
            return model.format(role, layer, expert);
        }

        @Override
        public Optional<WeightSource> source() {
            return Optional.of(new WeightSource(Path.of("model.gguf"), model.toString()));
        }

        @Override
        public long totalBytes() {
            return model.totalBytes();
        }
    }

    private float[] logits(CpuKernels kernels, Weights weights, RandomModel model,
            Optional<PackedFolder> keep) {
        CpuBackend backend = new CpuBackend(kernels, pool, Duration.ZERO, keep);
        try (CpuForwardPass pass = backend.openPass(model.spec(), weights, AMPLE)) {
            float[] logits = SequenceFeed.inBlocks(0, CONTEXT / 32).step(pass,
                    new OutputRequest.FullLogits(3), null, 5, 1, 9).values();
            pass.joinAfterOpening();
            return logits;
        }
    }

    @Test
    void weightsThatWerePackedBeforeAreNotReadAgainAndComputeTheSame() {
        CpuKernels kernels = NativeTwin.open();
        assertThat(models()).isNotEmpty();
        for (RandomModel model : models()) {
            float[] packed = logits(kernels, new Stored(model, true), model, Optional.of(folder));
            float[] mapped = logits(kernels, new Stored(model, false), model,
                    Optional.of(folder));

            assertThat(mapped).as("%s", model).isEqualTo(packed)
                    .isEqualTo(logits(kernels, model, model, Optional.empty()));
        }
        assertThat(folder.list()).hasSameSizeAs(models());
    }

    @Test
    void theMemoryIsCountedOnce() {
        CpuKernels kernels = NativeTwin.open();
        RandomModel model = models().getFirst();
        CpuBackend backend = new CpuBackend(kernels, pool, Duration.ZERO, Optional.of(folder));
        for (int start = 0; start < 2; start++) {
            try (CpuForwardPass pass = backend.openPass(model.spec(), new Stored(model, true),
                    AMPLE)) {
                pass.joinAfterOpening();
                assertThat(pass.memory()).isEqualTo(CpuBackend.memoryNeeded(kernels,
                        pool.workers(), model.spec(), model, AMPLE));
            }
        }
    }

    @Test
    void whatTheSystemRefusesMemoryForStaysMapped() {
        CpuKernels kernels = NativeTwin.open();
        Weights weights = new Stored(models().getFirst(), true);
        logits(kernels, weights, models().getFirst(), Optional.of(folder));
        QuantTensor query = weights.find(WeightRole.QUERY, 0, Weights.NO_EXPERT);
        PackedKey key = new PackedKey(WeightRole.QUERY, 0, Weights.NO_EXPERT, query.format(),
                query.shape());

        try (KeptWeights kept = KeptWeights.open(Optional.of(folder), kernels, weights, pool)) {
            assertThat(kept.find(key)).isNotNull();
            assertThatCode(() -> kept.settle(_ -> {
                throw new OutOfMemoryError("the system refuses");
            }, () -> false)).doesNotThrowAnyException();
        }
    }

    @Test
    void aDamagedFileNeverChangesAToken() throws IOException {
        CpuKernels kernels = NativeTwin.open();
        RandomModel model = models().getFirst();
        float[] sound = logits(kernels, new Stored(model, true), model, Optional.of(folder));
        Path file = folder.list().getFirst().file();
        long bytes = Files.size(file);
        for (int damage = 1; damage < 8; damage++) {
            try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                access.seek(bytes * damage / 8);
                int old = access.read();
                access.seek(bytes * damage / 8);
                access.write(old ^ 0x55);
            }

            assertThat(logits(kernels, new Stored(model, true), model, Optional.of(folder)))
                    .isEqualTo(sound);
            assertThat(Files.size(file)).isEqualTo(bytes); // written anew
        }
        assertThat(logits(kernels, new Stored(model, false), model, Optional.of(folder)))
                .isEqualTo(sound);
    }

    @Test
    void weightsThatCannotBeKeptArePackedEachTime() throws IOException {
        RandomModel model = models().getFirst();
        logits(CpuKernels.scalar(), new Stored(model, true), model, Optional.of(folder));
        logits(NativeTwin.open(), model, model, Optional.of(folder)); // made in memory
        try (Stream<Path> files = Files.list(place)) {
            assertThat(files).isEmpty();
        }
    }
}
