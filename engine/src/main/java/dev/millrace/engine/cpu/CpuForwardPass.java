package dev.millrace.engine.cpu;

import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.MemoryPlan.GroupBlocks;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.LoraAdapter;
import dev.millrace.models.ModelSpec;
import java.util.List;

/** One model on the processor: checks a batch, computes it, answers it. Owns weights and cache. */
final class CpuForwardPass implements ForwardPass {

    private final CpuWeights weights;
    private final KeptWeights kept;
    private final CpuCaches caches;
    private final CacheGeometry geometry;
    private final DeviceMemory memory;
    private final BatchRules rules;
    private final StepLayout layout;
    private final CpuAdapters adapters;
    private final CpuTransformer transformer;
    private final CpuOutputs outputs;
    private OpenTimes openTimes = OpenTimes.NONE;
    private LayerProbe probe;
    private Thread afterOpening;
    private volatile boolean closed;

    /**
     * Owns weights and what was kept of them from now on, unless this fails.
     */
    CpuForwardPass(ModelSpec spec, CpuKernels kernels, WorkerPool pool, CpuWeights weights,
            KeptWeights kept, MemoryPlan plan, MemoryBudget budget) {
        this.weights = weights;
        this.kept = kept;
        layout = new StepLayout(budget.stepTokens(), budget.sequences(), plan.groups().size());
        CpuBuffers buffers = new CpuBuffers(kernels, spec, budget);
        outputs = new CpuOutputs(spec, kernels, pool, weights, buffers, layout);
        geometry = new CacheGeometry(MemoryPlan.BLOCK_TOKENS,
                plan.layerGroups(weights.bytes()));
        memory = new DeviceMemory(weights.bytes(), weights.stepBytes(), geometry.totalBytes(),
                plan.bufferBytes(), budget.adapterBytes());
        adapters = new CpuAdapters(kernels, pool, spec, budget);
        rules = new BatchRules(geometry, budget, spec.vocabularySize(), adapters::isLoaded);
        caches = new CpuCaches(kernels, budget.cacheFormat(), spec, plan.groups().stream()
                .map(GroupBlocks::layers).toList(), geometry.groups());
        transformer = new CpuTransformer(spec, kernels, pool, weights, caches, buffers, layout,
                adapters, budget);
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

    /**
     * Notes how long opening took, and gets the rest of the cache's memory in the background: on
     * some machines that takes seconds, which nobody should wait for, and a cache that was promised
     * must not turn out to be missing when the machine is full. Before, weights that were mapped
     * get memory of their own; then those that were packed are written down for the next start.
     */
    void opened(OpenTimes times) {
        openTimes = times;
        afterOpening = Thread.ofPlatform().daemon().name("millrace-after-opening").start(() -> {
            kept.settle(() -> closed);
            caches.makeResident(() -> closed);
            kept.write(() -> closed);
        });
    }

    @Override
    public StepResult step(StepBatch batch) {
        requireOpen();
        long startNanos = System.nanoTime();
        rules.check(batch);
        caches.operate(batch.blocks());
        layout.fill(batch);
        if (layout.tokens > 0) {
            adapters.plan(layout);
            transformer.run(probe);
        }
        List<StepResult.RowResult> rows = outputs.collect(batch);
        return new StepResult(rows, System.nanoTime() - startNanos);
    }

    @Override
    public int loadAdapter(LoraAdapter adapter) {
        requireOpen();
        return adapters.load(adapter);
    }

    @Override
    public void unloadAdapter(int slot) {
        requireOpen();
        adapters.unload(slot);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the forward pass is closed");
        }
    }

    /** Lets a test look between the layers of the steps to come. */
    void probe(LayerProbe probe) {
        this.probe = probe;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            joinAfterOpening();
            caches.close();
            adapters.close();
            weights.close();
            kept.close();
            CpuKernels.forgetArrays();
        }
    }

    /** Waits for what goes on in the background after {@link #opened}. */
    void joinAfterOpening() {
        boolean interrupted = false;
        while (afterOpening != null) {
            try {
                afterOpening.join();
                afterOpening = null;
            } catch (InterruptedException e) {
                interrupted = true; // it sees that this is closed and ends in milliseconds
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
