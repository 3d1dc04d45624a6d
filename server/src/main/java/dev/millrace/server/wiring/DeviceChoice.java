package dev.millrace.server.wiring;

import dev.millrace.engine.cuda.CudaSettings;
import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.CudaProbe;
import dev.millrace.kernels.cuda.CudaProbe.Finding;
import dev.millrace.kernels.cuda.KernelImages;
import dev.millrace.kernels.cuda.Nccl;
import dev.millrace.kernels.cuda.cublaslt.CublasLt;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import dev.millrace.server.config.ServerConfig;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The device that a configuration asks for. One that was named serves or stops the server; with
 * {@code auto} a GPU serves what it can, several share what is too large for one, else the
 * processor serves, and the reason is told.
 *
 * @param replicas what serves, side by side if there are several: then GPUs, by lane
 * @param why      in words, to follow its description; empty if it was named
 * @param gpus     that may be used
 * @param nccl     what several need to share a model: fails if it is not there
 */
record DeviceChoice(List<ServingDevice> replicas, String why, List<CudaDeviceInfo> gpus,
        Supplier<Nccl> nccl) {

    DeviceChoice(ServingDevice device, String why, List<CudaDeviceInfo> gpus,
            Supplier<Nccl> nccl) {
        this(List.of(device), why, gpus, nccl);
    }

    /** What serves, or the first of those that do. */
    ServingDevice device() {
        return replicas.getFirst();
    }

    /** For people and metrics: what serves, and how often. */
    String description() {
        List<String> names = replicas.stream().map(ServingDevice::description).distinct().toList();
        return replicas.size() == 1
                ? names.getFirst()
                : replicas.size() + " replicas, each on " + String.join(" or ", names);
    }

    /** The names of what learns together how its steps are made up, by lane. */
    List<String> learners() {
        return replicas.size() == 1
                ? List.of(device().description())
                : replicas.stream()
                        .map(one -> "1 of " + replicas.size() + ": " + one.description()).toList();
    }

    /** One of those that serve side by side. */
    DeviceChoice only(int replica) {
        return new DeviceChoice(replicas.get(replica), why, gpus, nccl);
    }

    /** How machines are looked into. */
    record Probes(Supplier<Finding> gpus, Function<CudaDeviceInfo, byte[]> images,
            Supplier<Nccl> nccl, Supplier<CublasLt> cublasLt) {

        private static Probes real(ServerConfig config) {
            return new Probes(CudaProbe::find,
                    gpu -> KernelImages.find(gpu, config.compiledKernels()), Nccl::load,
                    CublasLt::load);
        }
    }

    /**
     * For a configuration, whatever the model.
     *
     * @throws BackendException if what was named cannot serve; says why and what to do
     */
    static DeviceChoice of(ServerConfig config) {
        return of(config, Probes.real(config));
    }

    static DeviceChoice of(ServerConfig config, Probes probes) {
        CpuDevice cpu = CpuDevice.of(config);
        GpuChoice chosen = new GpuChoice(config.gpus(), config.backend().equals("cuda"));
        if (config.backend().equals("cpu")) {
            chosen.requireNothingNamed();
            return new DeviceChoice(cpu, "", List.of(), probes.nccl());
        }
        Finding finding = probes.gpus().get();
        String reason = finding.reason();
        String advice = finding.advice();
        if (!finding.devices().isEmpty()) {
            List<CudaDeviceInfo> gpus = chosen.allowed(finding.devices());
            List<List<CudaDeviceInfo>> groups = chosen.groups(gpus, probes.nccl());
            try {
                byte[] image = probes.images().apply(groups.getFirst().getFirst());
                ProductChoice products = ProductChoice.of(config.cuda().products(),
                        chosen.cuda(), probes.cublasLt());
                CudaSettings settings = config.cuda().with(products.products());
                return new DeviceChoice(groups.stream().<ServingDevice>map(
                        sharing -> new GpuDevice(sharing, image, cpu.choice(), settings,
                                products.remark()))
                        .toList(), chosen.why(finding.devices().size()), gpus,
                        probes.nccl());
            } catch (KernelException e) {
                reason = e.getMessage();
                advice = "see docs/cuda.md";
            }
        }
        chosen.requireNone(reason, advice);
        return new DeviceChoice(cpu, "auto: " + reason, List.of(), probes.nccl());
    }

    /**
     * For a model: one that does not fit the GPU with its buffers and one full context is shared by
     * as few as it fits on, unless their number was named; with {@code auto}, what still does not
     * fit is served by the processor.
     *
     * @param budget with the memory of the device chosen so far
     */
    DeviceChoice fitting(ServerConfig config, ModelSpec spec, Weights weights,
            MemoryBudget budget) {
        if (!(device() instanceof GpuDevice gpu)) {
            return this;
        }
        if (replicas.size() > 1) {
            requireRoom(config, spec, weights, budget);
            return this;
        }
        boolean chosen = config.gpus().tensorParallel() > 0;
        boolean named = config.backend().equals("cuda");
        if (chosen && (named || config.gpus().tensorParallel() > 1)) {
            return this;
        }
        long least = leastBytes(gpu, spec, weights, budget);
        long most = Math.min(budget.totalBytes(), gpu.deviceBytes());
        if (least <= most) {
            return this;
        }
        String reason = "the model takes " + least + " bytes on the GPU, more than the " + most
                + " that it may";
        if (!chosen && config.models().size() == 1) {
            try {
                return shared(gpu, config, spec, weights, budget, reason);
            } catch (BackendException | KernelException e) {
                reason += "; " + e.getMessage();
            }
        }
        return named
                ? this
                : new DeviceChoice(CpuDevice.of(config), "auto: " + reason, List.of(), nccl);
    }

    /** @throws BackendException if one of several that serve side by side has too little memory */
    private void requireRoom(ServerConfig config, ModelSpec spec, Weights weights,
            MemoryBudget budget) {
        for (ServingDevice replica : replicas) {
            GpuDevice gpu = (GpuDevice) replica;
            long limit = Math.min(LoadedModel.memoryBytes(config, gpu),
                    gpu.deviceBytes() * gpu.devices().size());
            long least = leastBytes(gpu, spec, weights, budget);
            if (least > limit) {
                throw new BackendException("--replicas=" + replicas.size() + " needs room for the"
                        + " model on each GPU: it takes " + least + " bytes, more than the "
                        + limit + " that it may take of GPU " + gpu.places() + "; choose GPUs"
                        + " with --gpus, lower --context, or let several share it with"
                        + " --tensor-parallel");
            }
        }
    }

    private static long leastBytes(GpuDevice gpu, ModelSpec spec, Weights weights,
            MemoryBudget budget) {
        DeviceMemory memory = gpu.memoryNeeded(spec, weights, budget);
        return memory.totalBytes() - memory.cacheBytes()
                + Math.min(memory.cacheBytes(), gpu.leastCacheBytes(spec, budget));
    }

    /** @throws BackendException if no number of GPUs has room for it, or they are too different */
    private DeviceChoice shared(GpuDevice gpu, ServerConfig config, ModelSpec spec,
            Weights weights, MemoryBudget budget, String reason) {
        for (int count = 2; count <= gpus.size(); count++) {
            GpuDevice several = new GpuDevice(GpuChoice.alike(gpus, count), gpu.image(),
                    gpu.hostKernels(), gpu.settings(), gpu.remark());
            long total = config.memoryBytes() > 0
                    ? config.memoryBytes()
                    : several.usualMemoryBytes();
            long each = Math.min(total / count, several.deviceBytes());
            if (several.leastDeviceBytes(spec, weights, budget) <= each) {
                nccl.get();
                return new DeviceChoice(several, (why.isEmpty() ? "" : "auto: ") + reason, gpus,
                        nccl);
            }
        }
        throw new BackendException(gpus.size() == 1
                ? "there is no other to share it"
                : gpus.size() + " GPUs together have too little as well");
    }
}
