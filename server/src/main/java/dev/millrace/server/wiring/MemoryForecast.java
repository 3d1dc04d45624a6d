package dev.millrace.server.wiring;

import dev.millrace.engine.cpu.CpuEncoderPass;
import dev.millrace.engine.forward.ForwardPass.DeviceMemory;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.EncoderModel;
import dev.millrace.models.Model;
import dev.millrace.server.config.ServerConfig;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What a model takes of memory once it is opened with a configuration, told before any weight is
 * read.
 *
 * @param backend       what would compute
 * @param contextTokens longest sequence
 * @param sequences     as many of which the cache holds
 * @param stepTokens    most tokens of one step
 * @param limitBytes    what the configuration allows
 * @param chosen        how keys and values are kept; null of an encoder, which keeps none
 * @param caches        every way to keep them; empty of an encoder
 * @param memory        with the chosen one
 * @param shares        what each of several devices that share the model takes; empty for one
 * @param packedForms   what weights of each format become in memory, in words
 */
public record MemoryForecast(String backend, int contextTokens, int sequences, int stepTokens,
        long limitBytes, KvFormat chosen, List<Cache> caches, DeviceMemory memory,
        List<Long> shares, Map<QuantFormat, String> packedForms) {

    /**
     * A way to keep keys and values.
     *
     * @param bytesPerToken    of one position over all layers
     * @param bytesPerSequence of a full context
     * @param totalBytes       weights, buffers and the cache of all sequences
     */
    public record Cache(KvFormat format, long bytesPerToken, long bytesPerSequence,
            long totalBytes) {}

    /**
     * Of a model that generates.
     *
     * @throws IllegalArgumentException if the context is longer than the model's
     */
    public static MemoryForecast of(Model model, ServerConfig config) {
        ServingDevice device = LoadedModel.device(config, model).device();
        MemoryBudget budget = LoadedModel.budget(config, model.spec(), device);
        List<Cache> caches = new ArrayList<>();
        DeviceMemory chosen = null;
        List<Long> shares = List.of();
        try (WorkerPool idle = WorkerPool.create(1)) {
            Model loaded = LoadedModel.quantized(model, config, idle);
            for (KvFormat format : KvFormat.values()) {
                MemoryBudget each = new MemoryBudget(budget.totalBytes(),
                        budget.contextTokens(), budget.sequences(), budget.stepTokens(), format);
                DeviceMemory memory = device.memoryNeeded(loaded.spec(), loaded.weights(), each);
                caches.add(new Cache(format,
                        device.cacheBytesPerToken(loaded.spec(), format),
                        memory.cacheBytes() / budget.sequences(), memory.totalBytes()));
                if (format == config.cacheFormat()) {
                    chosen = memory;
                    shares = device.sharesNeeded(loaded.spec(), loaded.weights(), each);
                }
            }
        }
        return new MemoryForecast(device.description(), budget.contextTokens(), budget.sequences(),
                budget.stepTokens(),
                budget.totalBytes(), config.cacheFormat(), caches, chosen, shares,
                forms(device));
    }

    /** Of an encoder, which takes texts of any length up to its context, several in a step. */
    public static MemoryForecast of(EncoderModel model, ServerConfig config) {
        CpuDevice device = LoadedModel.processor(config);
        return new MemoryForecast(device.description(),
                model.spec().contextTokens(), 1, CpuEncoderPass.stepTokens(model.spec()),
                LoadedModel.memoryBytes(config, device), null, List.of(),
                CpuEncoderPass.memoryNeeded(model, device.choice().kernels(), device.workers()),
                List.of(), forms(device));
    }

    private static Map<QuantFormat, String> forms(ServingDevice device) {
        Map<QuantFormat, String> forms = new EnumMap<>(QuantFormat.class);
        for (QuantFormat format : QuantFormat.values()) {
            forms.put(format, device.packedForm(format));
        }
        return forms;
    }

    /** Whether all of it fits into what the configuration allows. */
    public boolean fits() {
        return memory.totalBytes() <= limitBytes;
    }
}
