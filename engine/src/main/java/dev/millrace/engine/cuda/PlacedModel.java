package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.CacheGeometry.LayerGroup;
import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.engine.forward.MemoryPlan;
import dev.millrace.engine.forward.MemoryPlan.GroupBlocks;
import dev.millrace.engine.forward.WeightSizes;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cuda.CudaDevice;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaMatrix;
import dev.millrace.kernels.cuda.LibraryProducts;
import dev.millrace.kernels.cuda.cublaslt.CublasLt;
import dev.millrace.models.ModelSpec;
import dev.millrace.models.Weights;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A model on a device, or a device's share of one: everything that a step works with there. */
record PlacedModel(CudaDevice device, CudaKernels kernels, CudaWeights weights,
        CudaBuffers buffers, StepInputs inputs, CudaCaches caches, CudaAdapters adapters,
        CudaTransformer transformer) {

    /** Most pinned memory that weights are copied through. */
    private static final long STAGING_BYTES = 64L << 20;
    private static final long LEAST_STAGING_BYTES = 1L << 20;

    /**
     * What is to be placed.
     *
     * @param spec       of this device
     * @param whole      of all devices that share the model; the same where there is one
     * @param devices    that share it
     * @param logitBytes most bytes of logits at a time
     * @param adapters   which part of them is the device's
     */
    record Share(ModelSpec spec, ModelSpec whole, int devices, Weights weights,
            MemoryBudget budget, long logitBytes, CudaSettings settings, AdapterShare adapters) {

        static Share whole(ModelSpec spec, Weights weights, MemoryBudget budget,
                long logitBytes, CudaSettings settings) {
            return new Share(spec, spec, 1, weights, budget, logitBytes, settings,
                    AdapterShare.WHOLE);
        }

        /** How the device's memory divides; {@code budget.totalBytes()} of it may be taken. */
        MemoryPlan plan() {
            List<GroupBlocks> groups = MemoryPlan.groups(spec, budget, CudaBackend::blockBytes);
            return new MemoryPlan(whole.name(), budget.totalBytes(),
                    CudaBuffers.bytes(spec, devices, budget, groups.size(), logitBytes,
                            settings.activations())
                            + CudaWeightLoader.tableBytes(spec, budget.contextTokens())
                            + ColumnOrders.bytes(spec, weights, budget, settings.activations())
                            + LibraryMatrices.bytes(spec, budget, settings),
                    budget.adapterBytes(), groups);
        }

        WeightSizes sizes() {
            return WeightSizes.of(CudaMatrix::bytes, spec, weights, ColumnOrders::format);
        }
    }

    /**
     * Takes the memory, and loads the weights.
     *
     * @param device which is current
     * @param groups of layers, with the blocks that the cache is to have
     * @throws dev.millrace.kernels.cuda.CudaMemoryException if the device has less
     */
    static PlacedModel place(CudaDevice device, Share share, List<LayerGroup> groups,
            WorkerPool pool) {
        CudaKernels kernels = new CudaKernels(device);
        MemoryPlan plan = share.plan();
        WeightSizes sizes = share.sizes();
        ModelSpec spec = share.spec();
        MemoryBudget budget = share.budget();
        long vectorBytes = WeightSizes.of((format, shape) -> 0, spec, share.weights()).bytes();
        long weightAddress = device.allocate(sizes.bytes());
        long bufferAddress = device.allocate(plan.bufferBytes());
        CudaCaches caches = new CudaCaches(device, spec, budget.cacheFormat(),
                plan.groups().stream().map(GroupBlocks::layers).toList(), groups);
        DeviceLayout layout = new DeviceLayout(bufferAddress);
        CudaBuffers buffers = new CudaBuffers(spec, share.devices(), budget, groups.size(),
                share.logitBytes(), share.settings().activations(), layout);
        device.clear(buffers.arrivals, (long) CudaKernels.arrivalInts() * Integer.BYTES);
        device.clear(buffers.logitArrivals, CudaKernels.logitArrivalBytes(buffers.logitRows));
        if (share.settings().products().library()) {
            kernels.multiplyBy(new LibraryProducts(device, CublasLt.load(),
                    LibraryMatrices.memory(spec, budget, share.settings()), bufferAddress
                            + plan.bufferBytes()
                            - LibraryMatrices.bytes(spec, budget, share.settings()),
                    share.settings().products().leastTokens()));
        }
        MemorySegment staging = device.pin(Math.clamp(sizes.bytes(), LEAST_STAGING_BYTES,
                STAGING_BYTES));
        long tableAddress = bufferAddress + layout.taken();
        ColumnOrders orders = new ColumnOrders(spec, share.weights(), budget,
                share.settings().activations(), tableAddress
                        + CudaWeightLoader.tableBytes(spec, budget.contextTokens()));
        CudaWeights loaded = new CudaWeightLoader(kernels, pool, spec, share.weights(), buffers,
                orders, staging, weightAddress, weightAddress + sizes.bytes() - vectorBytes,
                tableAddress).load(budget.contextTokens());
        device.unpin(staging);
        StepInputs inputs = new StepInputs(device, buffers.inputs, budget, groups.size(),
                new AttentionTiles(budget.stepTokens(), spec.heads(), spec.kvHeads()));
        CudaAdapters adapters = new CudaAdapters(device, share, buffers, inputs);
        return new PlacedModel(device, kernels, loaded, buffers, inputs, caches, adapters,
                new CudaTransformer(spec, share.whole(), kernels, loaded, caches, buffers,
                        inputs, adapters));
    }
}
