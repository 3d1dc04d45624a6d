package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;

/** Which device serves, and what is said about it, with GPUs that are made up. */
class DeviceChoiceTest {

    private static final Finding GPU = Finding.of(
            new CudaDeviceInfo(0, "NVIDIA H200", 90, 150L << 30, 13_000));
    private static final Finding NONE = Finding.none("there is no driver", "install one");
    private static final Function<CudaDeviceInfo, byte[]> IMAGES = info -> new byte[1];

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);

    private ServerConfig config(String backend) {
        flags.put(Setting.BACKEND, backend);
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    private DeviceChoice choose(String backend, Finding finding) {
        return DeviceChoice.of(config(backend), () -> finding, IMAGES);
    }

    @Test
    void aGpuThatIsThereServesByItselfAndIsNamed() {
        DeviceChoice choice = choose("auto", GPU);

        assertThat(choice.device().description()).isEqualTo(
                "cuda: NVIDIA H200, compute capability 9.0, driver of CUDA 13.0");
        assertThat(choice.why()).isEqualTo("auto: there is a GPU");
        assertThat(choice.device().usualMemoryBytes()).isEqualTo((long) (0.9 * (150L << 30)));
        assertThat(choose("cuda", GPU).why()).isEmpty();
    }

    @Test
    void theProcessorServesWhereThereIsNoneAndSaysWhy() {
        DeviceChoice choice = choose("auto", NONE);

        assertThat(choice.device()).isInstanceOf(CpuDevice.class);
        assertThat(choice.why()).isEqualTo("auto: there is no driver");
    }

    @Test
    void aProcessorThatWasNamedAsksForNoGpu() {
        DeviceChoice choice = DeviceChoice.of(config("cpu"), () -> {
            throw new AssertionError("nobody asked for a GPU");
        }, IMAGES);

        assertThat(choice.device()).isInstanceOf(CpuDevice.class);
        assertThat(choice.why()).isEmpty();
    }

    @Test
    void aGpuThatWasNamedAndCannotServeStopsTheServerWithAdvice() {
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> choose("cuda", NONE))
                .withMessage("--backend=cuda cannot serve: there is no driver; install one, or use"
                        + " --backend=cpu");
    }

    @Test
    void kernelsThatTheBuildDidNotMakeAreAReasonToo() {
        Function<CudaDeviceInfo, byte[]> noImages = info -> {
            throw new KernelException("this build has none");
        };
        assertThat(DeviceChoice.of(config("auto"), () -> GPU, noImages).why())
                .isEqualTo("auto: this build has none");
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> DeviceChoice.of(config("cuda"), () -> GPU, noImages))
                .withMessageContaining("this build has none");
    }

    @Test
    void aModelThatDoesNotFitTheGpuGoesToTheProcessorUnlessTheGpuWasNamed() {
        ModelSpec spec = ModelSpec.uniform("llama", "small", 100, 256, 128, 1e-5f,
                AttentionSpec.of(2, 2, 64), 1, new LayerSpec(new RopeSpec(
                        RopeSpec.Layout.HALVES, 64, 10_000), FeedForwardSpec.dense(256)));
        MemoryBudget ample = new MemoryBudget(1L << 30, 256, 1, 32);
        MemoryBudget tight = new MemoryBudget(100_000, 256, 1, 32);
        DeviceChoice choice = choose("auto", GPU);

        assertThat(choice.fitting(config("auto"), spec, OF_HALVES, ample)).isSameAs(choice);
        DeviceChoice other = choice.fitting(config("auto"), spec, OF_HALVES, tight);
        assertThat(other.device()).isInstanceOf(CpuDevice.class);
        assertThat(other.why()).startsWith("auto: the model takes ")
                .endsWith(" bytes on the GPU, more than the 100000 that it may");
        assertThat(choice.fitting(config("cuda"), spec, OF_HALVES, tight)).isSameAs(choice);
    }

    private static final Weights OF_HALVES = new Weights() {
        @Override
        public QuantTensor find(WeightRole role, int layer, int expert) {
            throw new AssertionError("nothing is read");
        }

        @Override
        public QuantFormat format(WeightRole role, int layer, int expert) {
            return QuantFormat.F16;
        }

        @Override
        public long totalBytes() {
            return 0;
        }
    };
}
