package dev.millrace.engine.cuda;

import dev.millrace.kernels.cuda.DeviceGroup;
import dev.millrace.kernels.cuda.RecordedStep;
import dev.millrace.models.AttentionSpec.HeadNorm;
import dev.millrace.models.ModelSpec;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;

/**
 * Takes a step's tokens through the layers of a model that several devices share: each computes
 * its part of a branch, gets those of all others, and adds them up in the order of the devices.
 * So all devices have the same residual stream, whose bits depend neither on the batch nor on how
 * the library moves bytes.
 */
final class ShardedWalk implements StepWalk {

    private final List<PlacedModel> shards;
    private final DeviceGroup group;
    private final ModelSpec whole;

    /** @param whole what all devices make together */
    ShardedWalk(List<PlacedModel> shards, DeviceGroup group, ModelSpec whole) {
        this.shards = List.copyOf(shards);
        this.group = group;
        this.whole = whole;
    }

    /**
     * Has branches exchanged whose contents do not matter: the library connects devices at their
     * first exchange of a kind, which is to happen neither within a recording nor when memory is
     * scarce.
     */
    void connect(int stepTokens) {
        gatherBranches(1);
        gatherBranches(stepTokens);
    }

    @Override
    public void run() {
        int tokens = shards.getFirst().inputs().tokens();
        boolean sharedNorm = whole.attention().headNorm() == HeadNorm.ALL_HEADS;
        each(CudaTransformer::begin);
        for (int index = 0; index < whole.layers(); index++) {
            int layer = index;
            each(transformer -> transformer.project(layer));
            if (sharedNorm) {
                gather(buffers -> buffers.squares, buffers -> buffers.allSquares, 2L * tokens);
            }
            each(transformer -> transformer.attend(layer));
            gatherBranches(tokens);
            each(transformer -> transformer.feedForward(layer));
            gatherBranches(tokens);
        }
        each(CudaTransformer::end);
    }

    @Override
    public RecordedStep capture(Runnable queueing) {
        return group.capture(queueing);
    }

    @Override
    public void close() {
        group.close();
    }

    private void each(Consumer<CudaTransformer> part) {
        for (PlacedModel shard : shards) {
            shard.device().makeCurrent();
            part.accept(shard.transformer());
        }
    }

    private void gatherBranches(int tokens) {
        gather(buffers -> buffers.branch, buffers -> buffers.parts,
                (long) tokens * whole.embeddingSize());
    }

    private void gather(ToLongFunction<CudaBuffers> part, ToLongFunction<CudaBuffers> all,
            long floats) {
        group.gather(shards.stream().map(PlacedModel::buffers).mapToLong(part).toArray(),
                shards.stream().map(PlacedModel::buffers).mapToLong(all).toArray(), floats);
    }
}
