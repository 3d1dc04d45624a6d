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

/**
 * One model on a GPU, or on several of which each has a share of its heads and networks: checks a
 * batch, computes it, answers it. One thread gives all of them their work, so that they agree on
 * the order of what they exchange. Logits and samples are the first one's. Owns the memory of all.
 */
final class CudaForwardPass implements ForwardPass {

    private final List<PlacedModel> shards;
    private final StepWalk walk;
    private final CacheGeometry geometry;
    private final DeviceMemory memory;
    private final OpenTimes openTimes;
    private final BatchRules rules;
    private final CudaOutputs outputs;
    private final AdapterSlots adapters;
    private final Optional<StepBuckets> buckets;
    private final StepGraphs graphs;
    private boolean closed;

    /**
     * What a backend put together.
     *
     * @param loadNanos time that it took
     */
    record Parts(CacheGeometry geometry, DeviceMemory memory, long loadNanos, StepWalk walk,
            CudaOutputs outputs) {}

    /**
     * @param shards         one for each device, owned from now on with the walk
     * @param vocabularySize of the whole model
     */
    CudaForwardPass(List<PlacedModel> shards, Parts parts, MemoryBudget budget,
            CudaSettings settings, int vocabularySize) {
        this.shards = List.copyOf(shards);
        walk = parts.walk();
        geometry = parts.geometry();
        memory = parts.memory();
        adapters = new AdapterSlots(this.shards);
        rules = new BatchRules(geometry, budget, vocabularySize, adapters::isLoaded);
        outputs = parts.outputs();
        buckets = settings.launches() != CudaLaunches.SINGLE
                ? Optional.of(new StepBuckets(budget, first().buffers().logitRows))
                : Optional.empty();
        graphs = new StepGraphs(walk, this.shards.stream().map(PlacedModel::inputs).toList(),
                this::queueAll, settings.products()::library);
        long startNanos = System.nanoTime();
        buckets.ifPresent(all -> graphs.prepare(all.first()));
        openTimes = new OpenTimes(parts.loadNanos(), System.nanoTime() - startNanos);
    }

    private PlacedModel first() {
        return shards.getFirst();
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
        Optional<StepShape> bucket = buckets.flatMap(all -> all.of(batch));
        StepShape shape = bucket.orElseGet(() -> StepShape.of(batch));
        for (PlacedModel shard : shards) {
            shard.device().makeCurrent();
            shard.caches().operate(batch.blocks());
            shard.inputs().lay(batch, shape, shard.adapters()::place);
        }
        if (bucket.isPresent()) {
            graphs.launch();
        } else if (shape.tokens() > 0) {
            queueTokens();
        }
        first().device().makeCurrent();
        return outputs.collect(batch, bucket.isPresent());
    }

    @Override
    public int loadAdapter(LoraAdapter adapter) {
        return DeviceCalls.ask(() -> adapters.load(adapter));
    }

    @Override
    public void unloadAdapter(int slot) {
        DeviceCalls.ask(() -> {
            adapters.unload(slot);
            return slot;
        });
    }

    private void queueTokens() {
        for (PlacedModel shard : shards) {
            shard.device().makeCurrent();
            shard.inputs().upload();
        }
        walk.run();
    }

    private void queueAll() {
        queueTokens();
        first().device().makeCurrent();
        outputs.queueAll();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            adapters.close();
            walk.close();
            shards.stream().map(PlacedModel::device).forEach(CudaDevice::close);
        }
    }
}
