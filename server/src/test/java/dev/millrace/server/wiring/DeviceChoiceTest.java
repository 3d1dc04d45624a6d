package dev.millrace.server.wiring;

import dev.millrace.engine.cuda.CudaLaunches;
import dev.millrace.engine.cuda.CudaProducts;
import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.engine.cuda.ShardedBackend;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.kernels.cuda.EmulatedDriver;
import dev.millrace.kernels.cuda.cublaslt.CublasLt;
import dev.millrace.models.AttentionSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.RopeSpec;
import dev.millrace.models.WeightRole;
import dev.millrace.models.Weights;
import dev.millrace.server.config.ServerConfig;
import dev.millrace.server.config.Setting;
import dev.millrace.server.wiring.DeviceChoice.Probes;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.assertj.core.api.Assertions.*;

/** Which device serves, and what is said about it, with GPUs that are made up. */
class DeviceChoiceTest {

    private static final Finding GPU = Finding.of(
            new CudaDeviceInfo(0, "NVIDIA H200", 90, 150L << 30, 13_000));
    private static final Finding NONE = Finding.none("there is no driver", "install one");
    private static final Function<CudaDeviceInfo, byte[]> IMAGES = info -> new byte[1];

    private static final Supplier<CublasLt> NO_LIBRARY = () -> CublasLt.load("libnot-there.so");

    @TempDir
    Path folder;

    private final Map<Setting, String> flags = new EnumMap<>(Setting.class);

    private ServerConfig config(String backend) {
        flags.put(Setting.BACKEND, backend);
        return ServerConfig.load(Map.of(), folder, Optional.empty(), flags);
    }

    private DeviceChoice choose(String backend, Finding finding) {
        return DeviceChoice.of(config(backend), probes(finding));
    }

    private static Probes probes(Finding finding) {
        return new Probes(() -> finding, IMAGES, () -> null, NO_LIBRARY);
    }

    @Test
    void aGpuThatIsThereServesByItselfAndIsNamed() {
        DeviceChoice choice = choose("auto", GPU);

        assertThat(choice.device().description()).isEqualTo(
                "cuda: NVIDIA H200, compute capability 9.0, driver of CUDA 13.0,"
                        + " activations f16");
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
        DeviceChoice choice = DeviceChoice.of(config("cpu"), new Probes(() -> {
            throw new AssertionError("nobody asked for a GPU");
        }, IMAGES, () -> null, NO_LIBRARY));

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
    void aLibraryThatIsNotThereLeavesProductsToTheKernelsUnlessTheGpuWasNamed() {
        flags.put(Setting.CUDA_PRODUCTS, "cublaslt");
        DeviceChoice choice = choose("auto", GPU);
        assertThat(((GpuDevice) choice.device()).settings().products())
                .isEqualTo(CudaProducts.OWN);
        assertThat(choice.device().remark().orElseThrow()).startsWith("--cuda-products=cublaslt"
                + " has no effect: products by cuBLAS need libnot-there.so, which is not there:"
                + " install libcublas-13-0");
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> choose("cuda", GPU))
                .withMessageStartingWith("--cuda-products=cublaslt cannot serve: products by");
    }

    @Test
    void aLibraryThatIsThereMultipliesAndTheStartSaysWhatIsLost() {
        EmulatedDriver.load();
        flags.put(Setting.CUDA_PRODUCTS, "cublaslt-copies");
        DeviceChoice choice = DeviceChoice.of(config("cuda"), new Probes(() -> GPU, IMAGES,
                () -> null, CublasLt::load));
        assertThat(((GpuDevice) choice.device()).settings().products())
                .isEqualTo(CudaProducts.of(CudaProducts.Way.CUBLASLT_COPIES));
        assertThat(choice.device().remark()).hasValue("products of 128 tokens and more are cuBLAS"
                + " 13.0.0's, so a token's last bits, and rarely what is generated, may depend on"
                + " how many tokens its steps had; --cuda-products=own keeps them the same");
    }

    @Test
    void kernelsThatTheBuildDidNotMakeAreAReasonToo() {
        Function<CudaDeviceInfo, byte[]> noImages = info -> {
            throw new KernelException("this build has none");
        };
        Probes probes = new Probes(() -> GPU, noImages, () -> null, NO_LIBRARY);
        assertThat(DeviceChoice.of(config("auto"), probes).why())
                .isEqualTo("auto: this build has none");
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> DeviceChoice.of(config("cuda"), probes))
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
                .endsWith(" bytes on the GPU, more than the 100000 that it may; there is no other"
                        + " to share it");
        assertThat(choice.fitting(config("cuda"), spec, OF_HALVES, tight)).isSameAs(choice);
    }

    private static CudaDeviceInfo gpu(int place, int capability, long bytes) {
        return new CudaDeviceInfo(place, "GPU", capability, bytes, 13_000);
    }

    private static final Finding FOUR = Finding.of(gpu(0, 90, 1 << 20), gpu(1, 90, 1 << 20),
            gpu(2, 80, 1 << 20), gpu(3, 90, 1 << 20));

    @Test
    void gpusThatAreNamedServeInTheirOrder() {
        flags.put(Setting.GPUS, "3,0");
        flags.put(Setting.TENSOR_PARALLEL, "2");

        DeviceChoice choice = choose("auto", FOUR);

        assertThat(choice.device().description()).isEqualTo("cuda: GPU, compute capability 9.0,"
                + " driver of CUDA 13.0, activations f16; 2 GPUs share the model (3, 0)");
        assertThat(choice.device().usualMemoryBytes()).isEqualTo(2 * (long) (0.9 * (1 << 20)));
        assertThat(choice.why()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "4    | auto | --gpus asks for 4, and the GPUs that can be used are 0 (NVIDIA H200, 9.0);"
                + " see nvidia-smi and CUDA_VISIBLE_DEVICES",
        "0,1  | auto | --gpus names 1, and the GPUs that can be used are 0 (NVIDIA H200, 9.0);"
                + " see nvidia-smi and CUDA_VISIBLE_DEVICES",
        "all  | 2    | --tensor-parallel=2 asks for more GPUs than can be used, 0 (NVIDIA H200,"
                + " 9.0); lower it"})
    void gpusThatAreNotThereStopTheServer(String gpus, String sharing, String message) {
        flags.put(Setting.GPUS, gpus);
        flags.put(Setting.TENSOR_PARALLEL, sharing);

        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("auto", GPU))
                .withMessage(message);
    }

    @Test
    void gpusThatWereNamedWhereNoneCanServeStopTheServer() {
        flags.put(Setting.GPUS, "1");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("auto", NONE))
                .withMessage("--gpus cannot serve: there is no driver; install one, or use"
                        + " --backend=cpu");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("cpu", GPU))
                .withMessage("--gpus says nothing with --backend=cpu; leave one of them out");
    }

    @Test
    void gpusThatCannotShareAModelStopTheServerThatAsksForIt() {
        flags.put(Setting.TENSOR_PARALLEL, "3");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("auto", FOUR))
                .withMessage("GPUs that share a model, or serve it side by side, must be of one"
                        + " compute capability, and these are 0 (GPU, 9.0), 1 (GPU, 9.0), 2 (GPU,"
                        + " 8.0); choose with --gpus");
        flags.put(Setting.TENSOR_PARALLEL, "2");
        assertThatExceptionOfType(BackendException.class)
                .isThrownBy(() -> DeviceChoice.of(config("auto"), new Probes(() -> FOUR, IMAGES,
                        () -> {
                            throw new KernelException("there is no NCCL");
                        }, NO_LIBRARY)))
                .withMessage("--tensor-parallel=2 cannot serve: there is no NCCL");
    }

    @Test
    void gpusServeSideBySideInTheirOrderEachWithAllOfItsOwnMemory() {
        flags.put(Setting.GPUS, "3,0,1");
        flags.put(Setting.REPLICAS, "2");
        Finding unlike = Finding.of(gpu(0, 90, 1 << 20), gpu(1, 90, 1 << 20), gpu(2, 80, 1 << 20),
                gpu(3, 90, 1 << 21));

        DeviceChoice choice = choose("auto", unlike);

        assertThat(choice.replicas()).extracting(ServingDevice::usualMemoryBytes)
                .containsExactly((long) (0.9 * (1 << 21)), (long) (0.9 * (1 << 20)));
        assertThat(choice.description()).isEqualTo("2 replicas, each on "
                + choice.device().description());
        assertThat(choice.learners()).containsOnly("1 of 2: " + choice.device().description());
        flags.put(Setting.GPUS, "1,2");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("auto", unlike))
                .withMessage("GPUs that share a model, or serve it side by side, must be of one"
                        + " compute capability, and these are 1 (GPU, 9.0), 2 (GPU, 8.0); choose"
                        + " with --gpus");
        flags.put(Setting.TENSOR_PARALLEL, "2");
        flags.put(Setting.GPUS, "all");
        flags.put(Setting.REPLICAS, "3");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("auto", unlike))
                .withMessageStartingWith("--replicas=3 of --tensor-parallel=2 asks for 6 GPUs, and"
                        + " those that can be used are 0 (GPU, 9.0), ")
                .withMessageEndingWith(
                        "; lower it");
        assertThatExceptionOfType(BackendException.class).isThrownBy(() -> choose("auto", NONE))
                .withMessage("--replicas=3 cannot serve: there is no driver; install one, or leave"
                        + " it out");
    }

    @Test
    void whatIsTooLargeForOneGpuIsSharedByAsFewAsHaveRoomForIt() {
        ModelSpec spec = ModelSpec.uniform("llama", "large", 100, 256, 128, 1e-5f,
                AttentionSpec.of(4, 4, 64), 8, new LayerSpec(new RopeSpec(
                        RopeSpec.Layout.HALVES, 64, 10_000), FeedForwardSpec.dense(512)));
        long half = ShardedBackend.leastDeviceBytes(spec, OF_HALVES,
                new MemoryBudget(1L << 40, 256, 1, 32), 2,
                new CudaSettings(CudaLaunches.SINGLE, CudaActivations.F16));
        long bytes = half * 10 / 9 + 1000; // of which 90 % are taken
        Finding small = Finding.of(gpu(0, 90, bytes), gpu(1, 90, bytes), gpu(2, 90, bytes));
        DeviceChoice one = choose("auto", small);
        MemoryBudget budget = new MemoryBudget(one.device().usualMemoryBytes(), 256, 1, 32);

        DeviceChoice choice = one.fitting(config("auto"), spec, OF_HALVES, budget);

        assertThat(choice.device().description()).endsWith("2 GPUs share the model (0, 1)");
        assertThat(choice.why()).startsWith("auto: the model takes ")
                .endsWith(" bytes on the GPU, more than the " + budget.totalBytes()
                        + " that it may");
        assertThat(choice.device().sharesNeeded(spec, OF_HALVES, budget)).hasSize(2)
                .satisfies(each -> assertThat(each.stream().mapToLong(Long::longValue).sum())
                        .isEqualTo(choice.device().memoryNeeded(spec, OF_HALVES, budget)
                                .totalBytes()));
        assertThat(one.device().sharesNeeded(spec, OF_HALVES, budget)).isEmpty();
        flags.put(Setting.TENSOR_PARALLEL, "1");
        assertThat(one.fitting(config("auto"), spec, OF_HALVES, budget).device())
                .isInstanceOf(CpuDevice.class);
        flags.remove(Setting.TENSOR_PARALLEL);
        DeviceChoice unconnected = new DeviceChoice(one.device(), one.why(), one.gpus(), () -> {
            throw new KernelException("there is no NCCL");
        });
        assertThat(unconnected.fitting(config("auto"), spec, OF_HALVES, budget).why())
                .endsWith("that it may; there is no NCCL");
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
