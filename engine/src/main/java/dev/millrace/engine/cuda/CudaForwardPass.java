package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.BatchRules;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.engine.forward.StepResult.RowResult;
import dev.millrace.kernels.cuda.CudaDevice;
import java.util.List;

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
    private boolean closed;

    /** What {@link CudaBackend} put together. */
    record Parts(CacheGeometry geometry, DeviceMemory memory, OpenTimes openTimes,
            StepInputs inputs, CudaCaches caches, CudaTransformer transformer,
            CudaOutputs outputs) {}

    /** @param device owned from now on */
    CudaForwardPass(CudaDevice device, Parts parts, MemoryBudget budget, int vocabularySize) {
        this.device = device;
        geometry = parts.geometry();
        memory = parts.memory();
        openTimes = parts.openTimes();
        rules = new BatchRules(geometry, budget, vocabularySize);
        inputs = parts.inputs();
        caches = parts.caches();
        transformer = parts.transformer();
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
        device.makeCurrent();
        caches.operate(batch.blocks());
        inputs.upload(batch);
        if (inputs.tokens() > 0) {
            transformer.run();
        }
        List<RowResult> rows = outputs.collect(batch);
        return new StepResult(rows, System.nanoTime() - startNanos);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            device.close();
        }
    }
}
