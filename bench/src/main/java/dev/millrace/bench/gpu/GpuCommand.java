package dev.millrace.bench.gpu;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.model.ModelOptions;
import dev.millrace.bench.synth.ModelShape;
import dev.millrace.bench.synth.SyntheticWeights;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.forward.Backend;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.kernels.cuda.DeviceProbe;
import dev.millrace.kernels.cuda.ExchangeProbe;
import dev.millrace.kernels.cuda.KernelImages;
import dev.millrace.models.Model;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.store.ModelStore;
import dev.millrace.server.config.ServerConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * {@code bench gpu}: whether a GPU computes what the processor does, and then how fast, in one go.
 */
@Command(name = "gpu",
        description = "Hold a GPU, or several that share a model, to the processor, then measure"
                + " decoding at several batches and prompts: tokens/s, the share of what its memory"
                + " and its tensor cores can do, joules per token and dollars per million.")
public final class GpuCommand implements Callable<Integer> {

    /** Of the device's memory where no limit was given: the driver and others take some. */
    private static final double USUAL_MEMORY_SHARE = 0.9;

    private final Supplier<Finding> probe;
    private final Function<CudaDeviceInfo, byte[]> images;
    private final DeviceProbe.Size probeSize;

    @Mixin
    private GpuOptions options = new GpuOptions();

    /** For the devices of this machine. */
    public GpuCommand() {
        this(CudaProbe::find, gpu -> KernelImages.find(gpu,
                ServerConfig.compiledKernels(ModelStore.root(System.getenv()))),
                DeviceProbe.Size.USUAL);
    }

    /**
     * @param probe     looks for devices
     * @param images    finds their kernels
     * @param probeSize what is done to measure the device itself
     */
    GpuCommand(Supplier<Finding> probe, Function<CudaDeviceInfo, byte[]> images,
            DeviceProbe.Size probeSize) {
        this.probe = probe;
        this.images = images;
        this.probeSize = probeSize;
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        options.validate();
        List<Subject> subjects = ModelShape.isShape(options.model) ? shapes() : List.of();
        requireOneForPeer(subjects.size());
        GpuUnderTest gpu = GpuUnderTest.find(probe, images, options.gpus());
        GpuReport report = new GpuReport(options, gpu);
        report.begin();
        try (WorkerPool pool = WorkerPool.create(options.threads)) {
            CpuKernels kernels = options.openKernels();
            ModelCheck check = new ModelCheck(gpu.backend(kernels, pool, options.settings()),
                    limitBytes(gpu), new CpuBackend(kernels, pool, Duration.ZERO),
                    ModelOptions.memoryBytes(), options.checkedPrompt(),
                    options.checkTokens, options.bound());
            if (subjects.isEmpty()) {
                Path file = ModelOptions.resolve(options.model);
                try (Model model = Model.open(file)) {
                    return run(gpu, kernels, pool, check, report, List.of(new Subject(
                            model.spec().name(), model.spec(), model.weights(), file)));
                }
            }
            return run(gpu, kernels, pool, check, report, subjects);
        }
    }

    private int run(GpuUnderTest gpu, CpuKernels kernels, WorkerPool pool, ModelCheck check,
            GpuReport report, List<Subject> subjects) throws IOException, InterruptedException {
        boolean right = true;
        ModelSpec small = ModelShape.parse(options.checkShape);
        for (String type : options.types) {
            right &= report.add(check.check(type, small,
                    SyntheticWeights.of(small, type, options.pure), true));
        }
        for (Subject subject : subjects) {
            if (subject.file() != null) {
                right &= report.add(check.check(subject.name(), subject.spec(),
                        subject.weights(), false));
            }
        }
        if (!right) {
            report.end();
            throw new BenchException((gpu.count() == 1
                    ? "the " + gpu.info().name() + " does"
                    : gpu.count() + " times the " + gpu.info().name() + " do")
                    + " not compute what the processor does, so nothing was measured");
        }
        try (GpuLimits limits = new GpuLimits(gpu, probeSize(gpu))) {
            report.add(limits);
            for (Subject subject : subjects) {
                measure(gpu, kernels, pool, limits, report, subject);
            }
        }
        report.end();
        return 0;
    }

    private void measure(GpuUnderTest gpu, CpuKernels kernels, WorkerPool pool, GpuLimits limits,
            GpuReport report, Subject subject) throws IOException, InterruptedException {
        Backend backend = gpu.backend(kernels, pool, options.settings());
        GpuEnergy energy = GpuEnergy.of(gpu.devices());
        long memoryBytes = limitBytes(gpu) - gpu.count() * probeSize(gpu).deviceBytes();
        if (gpu.count() == 1) {
            new GpuTables(options, backend, limits, Optional.empty(), energy, report, memoryBytes)
                    .measure(subject);
            return;
        }
        long floats = (long) options.mostStepTokens() * subject.spec().embeddingSize();
        try (ExchangeProbe exchanges = gpu.exchanges(floats)) {
            new GpuTables(options, backend, limits, Optional.of(exchanges), energy, report,
                    memoryBytes - gpu.count() * ExchangeProbe.deviceBytes(gpu.count(), floats))
                    .measure(subject);
        }
    }

    private List<Subject> shapes() {
        List<Subject> subjects = new ArrayList<>();
        ModelSpec spec = ModelShape.parse(options.model);
        for (String type : options.types) {
            ModelSpec named = spec.withName("synthetic " + spec.name() + " "
                    + (options.pure ? "pure " : "") + type);
            subjects.add(new Subject(named.name(), named,
                    SyntheticWeights.of(named, type, options.pure), null));
        }
        return subjects;
    }

    private void requireOneForPeer(int shapes) {
        if (!options.peers.isEmpty() && shapes > 1) {
            throw new IllegalArgumentException("--peer measures one model; name one TYPE with"
                    + " --type, or a model file");
        }
        if (shapes == 1 && options.peers.stream().anyMatch(peer -> peer.contains("{model}"))) {
            throw new IllegalArgumentException("{model} in --peer stands for a file, and a shape"
                    + " has none; make one with 'bench synth', and name it here or in the"
                    + " command");
        }
    }

    /** What models and probes may take together, of all devices. */
    private long limitBytes(GpuUnderTest gpu) {
        return (long) (options.memoryGigabytes > 0
                ? options.memoryGigabytes * 1e9
                : gpu.memoryBytes() * USUAL_MEMORY_SHARE);
    }

    private DeviceProbe.Size probeSize(GpuUnderTest gpu) {
        return probeSize.within(limitBytes(gpu) / gpu.count() / 8);
    }
}
