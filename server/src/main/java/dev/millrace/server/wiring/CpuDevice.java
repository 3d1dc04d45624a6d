package dev.millrace.server.wiring;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.engine.Speculation;
import dev.millrace.engine.cpu.CpuBackend;
import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.forward.Backend;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import dev.millrace.server.config.ServerConfig;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Optional;

/**
 * The processor.
 *
 * @param packed where packed weights are kept, if anywhere
 */
record CpuDevice(KernelChoice choice, int workers, Optional<PackedFolder> packed)
        implements
            ServingDevice {

    /** The processor as a configuration asks for it. */
    static CpuDevice of(ServerConfig config) {
        return new CpuDevice(KernelChoice.of(config), LoadedModel.workers(config),
                config.packed());
    }

    /** Share of the machine's memory where no limit was given; the heap and others get the rest. */
    private static final double USUAL_MEMORY_SHARE = 0.7;

    @Override
    public String description() {
        return CpuBackend.description(choice.kernels(), workers);
    }

    @Override
    public Optional<String> remark() {
        return choice.remark();
    }

    @Override
    public long usualMemoryBytes() {
        OperatingSystemMXBean system = ManagementFactory
                .getPlatformMXBean(OperatingSystemMXBean.class);
        return (long) (system.getTotalMemorySize() * USUAL_MEMORY_SHARE);
    }

    @Override
    public DeviceMemory memoryNeeded(ModelSpec spec, Weights weights, MemoryBudget budget) {
        return CpuBackend.memoryNeeded(choice.kernels(), workers, spec, weights, budget);
    }

    @Override
    public long leastCacheBytes(ModelSpec spec, MemoryBudget budget) {
        return CpuBackend.leastCacheBytes(spec, budget);
    }

    @Override
    public long cacheBytesPerToken(ModelSpec spec, KvFormat format) {
        return CpuBackend.cacheBytesPerToken(spec, format);
    }

    @Override
    public String packedForm(QuantFormat format) {
        return choice.kernels().packedForm(format);
    }

    /**
     * Decoding one token waits for the memory, so some more cost little: with the native kernels up
     * to eight, on the Vector API fewer, and those are dearer.
     */
    @Override
    public Speculation speculation() {
        return switch (choice.kernels().name()) {
            case "native" -> new Speculation(7, 8, 0.08);
            case "vector" -> new Speculation(3, 4, 0.25);
            default -> Speculation.OFF;
        };
    }

    @Override
    public Backend backend(WorkerPool pool, Duration warmUp) {
        return new CpuBackend(choice.kernels(), pool, warmUp, packed);
    }
}
