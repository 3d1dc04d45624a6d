package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.DeviceGroup;
import java.util.List;

/**
 * One model on several GPUs, each with a share of its heads and networks. One thread gives all of
 * them their work, so that they agree on the order of what they exchange. Logits and samples are
 * the first one's. Owns the memory of all.
 */
final class ShardedForwardPass implements ForwardPass {

    private final List<PlacedModel> shards;
    private final DeviceGroup group;
    private final CacheGeometry geometry;
    private final DeviceMemory memory;
    private final OpenTimes openTimes;
    private final BatchRules rules;
    private final ShardedWalk walk;
    private final CudaOutputs outputs;
    private boolean closed;

    /** What {@link ShardedBackend} put together. */
    record Parts(CacheGeometry geometry, DeviceMemory memory, OpenTimes openTimes,
            ShardedWalk walk, CudaOutputs outputs) {}

    /** @param shards in the order of the group, both owned from now on */
    ShardedForwardPass(List<PlacedModel> shards, DeviceGroup group, Parts parts,
            MemoryBudget budget, int vocabularySize) {
        this.shards = List.copyOf(shards);
        this.group = group;
        geometry = parts.geometry();
        memory = parts.memory();
        openTimes = parts.openTimes();
        rules = new BatchRules(geometry, budget, vocabularySize);
        walk = parts.walk();
        outputs = parts.outputs();
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
        for (PlacedModel shard : shards) {
            shard.device().makeCurrent();
            shard.caches().operate(batch.blocks());
            shard.inputs().lay(batch, StepShape.of(batch), shard.adapters()::place);
            if (batch.tokens() > 0) {
                shard.inputs().upload();
            }
        }
        if (batch.tokens() > 0) {
            walk.run(batch.tokens());
        }
        shards.getFirst().device().makeCurrent();
        return outputs.collect(batch, false);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            group.close();
            shards.stream().map(PlacedModel::device).forEach(CudaDevice::close);
        }
    }
}
