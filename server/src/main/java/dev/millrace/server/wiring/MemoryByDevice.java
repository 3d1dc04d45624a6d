package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.engine.host.MemoryShares;
import dev.millrace.engine.host.ModelHost;
import dev.millrace.server.config.ServerConfig;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which model may take how much of which memory: those on a GPU share the GPU's, those on the
 * processor share the machine's with the encoders, and neither sees the other's. A limit of the
 * configuration holds for each of the two. Of GPUs side by side each has it all; where models share
 * them, all are divided as the smallest.
 */
final class MemoryByDevice {

    private final Optional<Side> gpu;
    private final Optional<Side> processor;

    /** Models of one kind of device, and the bytes that they may take together. */
    private record Side(long budgetBytes, Map<ServableModel, Long> shares) {}

    /**
     * Divides the memory.
     *
     * @param encoderBytes what encoders take of the processor's memory
     * @throws BackendException if a model has too little; says what it needs and what there is
     */
    MemoryByDevice(List<ServableModel> models, ServerConfig config, long encoderBytes) {
        List<ServableModel> onGpu = new ArrayList<>();
        List<ServableModel> onProcessor = new ArrayList<>();
        models.forEach(model -> (model.device() instanceof GpuDevice ? onGpu : onProcessor)
                .add(model));
        gpu = onGpu.isEmpty() ? Optional.empty() : Optional.of(side(onGpu, config, 0));
        if (onProcessor.isEmpty() && gpu.isEmpty()) {
            requireSome(LoadedModel.memoryBytes(config, LoadedModel.processor(config))
                    - encoderBytes);
        }
        processor = onProcessor.isEmpty()
                ? Optional.empty()
                : Optional.of(side(onProcessor, config, encoderBytes));
    }

    private static Side side(List<ServableModel> models, ServerConfig config, long takenBytes) {
        long bytes = models.getFirst().choice().replicas().stream()
                .mapToLong(device -> LoadedModel.memoryBytes(config, device)).min().orElseThrow()
                - takenBytes;
        requireSome(bytes);
        long[] shares = models.size() == 1
                ? new long[]{bytes} // all of it, even if it does not use that
                : MemoryShares.of(bytes, models.stream().map(ServableModel::need).toList());
        Map<ServableModel, Long> byModel = new IdentityHashMap<>();
        for (int i = 0; i < shares.length; i++) {
            byModel.put(models.get(i), shares[i]);
        }
        return new Side(bytes, byModel);
    }

    private static void requireSome(long bytes) {
        if (bytes <= 0) {
            throw new BackendException("the encoders take more than the memory that is allowed;"
                    + " raise --memory");
        }
    }

    /** Hosts of models, one for each memory that has any. */
    Hosts start(ServerConfig config, Closing closing) {
        return new Hosts(gpu.map(side -> host(side, config, closing)),
                processor.map(side -> host(side, config, closing)));
    }

    private static ModelHost host(Side side, ServerConfig config, Closing closing) {
        return closing.later(ModelHost.start(side.budgetBytes(), config.idleUnload(),
                System::nanoTime));
    }

    /** Who brings a model onto its device. */
    record Hosts(Optional<ModelHost> gpu, Optional<ModelHost> processor) {

        ModelHost of(ServableModel model) {
            return (model.device() instanceof GpuDevice ? gpu : processor).orElseThrow();
        }
    }

    /** What a model may take, in bytes; of several GPUs side by side, of the smallest. */
    long share(ServableModel model) {
        return side(model).shares().get(model);
    }

    private Side side(ServableModel model) {
        return (model.device() instanceof GpuDevice ? gpu : processor).orElseThrow();
    }

    /** The same of each device, by lane. */
    List<Long> shares(ServableModel model, ServerConfig config) {
        boolean alone = side(model).shares().size() == 1;
        List<ServingDevice> devices = model.choice().replicas();
        return devices.stream().map(device -> alone && devices.size() > 1
                ? LoadedModel.memoryBytes(config, device)
                : share(model)).toList();
    }
}
