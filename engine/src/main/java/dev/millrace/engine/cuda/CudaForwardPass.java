package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.models.LoraAdapter;
import java.util.List;
import java.util.Optional;

/** One model on a GPU: checks a batch, computes it, answers it. Owns the device's memory. */
final class CudaForwardPass implements ForwardPass {

    private final CudaDevice device;
    private final CacheGeometry geometry;
    private final DeviceMemory memory;
    private final OpenTimes openTimes;
    private final BatchRules rules;
    private final StepInputs inputs;
    private final CudaCaches caches;
    private final CudaTransformer transformer;
    private final CudaOutputs outputs;
    private final CudaAdapters adapters;
    private final Optional<StepBuckets> buckets;
    private final StepGraphs graphs;
    private boolean closed;

    /**
     * What {@link CudaBackend} put together.
     *
     * @param loadNanos time that it took
     * @param buckets   of steps to capture; none if every kernel is to be launched by itself
     */
    record Parts(CacheGeometry geometry, DeviceMemory memory, long loadNanos, StepInputs inputs,
            CudaCaches caches, CudaTransformer transformer, CudaOutputs outputs,
            CudaAdapters adapters, Optional<StepBuckets> buckets) {}

    /** @param device owned from now on */
    CudaForwardPass(CudaDevice device, Parts parts, MemoryBudget budget, int vocabularySize) {
        this.device = device;
        geometry = parts.geometry();
        memory = parts.memory();
        adapters = parts.adapters();
        rules = new BatchRules(geometry, budget, vocabularySize, adapters::isLoaded);
        inputs = parts.inputs();
        caches = parts.caches();
        transformer = parts.transformer();
        outputs = parts.outputs();
        buckets = parts.buckets();
        graphs = new StepGraphs(device, inputs, this::queueAll);
        long startNanos = System.nanoTime();
        buckets.ifPresent(all -> graphs.prepare(all.first()));
        openTimes = new OpenTimes(parts.loadNanos(), System.nanoTime() - startNanos);
    }

    @Override
    public CacheGeometry cacheGeometry() {
        return geometry;
    }

    @Override
    public DeviceMemory memory() {
        return memory;
    }

    @Override
    public OpenTimes openTimes() {
        return openTimes;
    }

    @Override
    public StepResult step(StepBatch batch) {
        if (closed) {
            throw new IllegalStateException("the forward pass is closed");
        }
        long startNanos = System.nanoTime();
        rules.check(batch);
        List<RowResult> rows = DeviceCalls.ask(() -> compute(batch));
        return new StepResult(rows, System.nanoTime() - startNanos);
    }

    private List<RowResult> compute(StepBatch batch) {
        device.makeCurrent();
        caches.operate(batch.blocks());
        Optional<StepShape> bucket = buckets.flatMap(all -> all.of(batch));
        inputs.lay(batch, bucket.orElseGet(() -> StepShape.of(batch)), adapters::place);
        if (bucket.isPresent()) {
            graphs.launch();
        } else if (inputs.tokens() > 0) {
            queueTokens();
        }
        return outputs.collect(batch, bucket.isPresent());
    }

    @Override
    public int loadAdapter(LoraAdapter adapter) {
        return DeviceCalls.ask(() -> {
            device.makeCurrent();
            return adapters.load(adapter);
        });
    }

    @Override
    public void unloadAdapter(int slot) {
        DeviceCalls.ask(() -> {
            device.makeCurrent();
            adapters.unload(slot);
            return slot;
        });
    }

    private void queueTokens() {
        inputs.upload();
        transformer.run();
    }

    private void queueAll() {
        queueTokens();
        outputs.queueAll();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            adapters.close();
            device.close();
        }
    }
}
