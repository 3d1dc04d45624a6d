package dev.millrace.engine.cpu;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;

/**
 * A gated feed-forward network over all tokens of a step: from {@code buffers.normed} to
 * {@code buffers.branch}, where the caller takes finished outputs from.
 */
final class CpuFeedForward {

    /** Told of outputs of {@code buffers.branch} that are done, for all tokens; on any worker. */
    @FunctionalInterface
    interface OutputListener {
        void onOutputs(int begin, int end);
    }

    private final CpuKernels kernels;
    private final CpuProducts products;
    private final StepRegions regions;
    private final CpuBuffers buffers;
    private final StepLayout layout;

    private final WorkerPool.Task gateAndUp = this::gateAndUp;
    private final WorkerPool.Task prepareGate = this::prepareGate;
    private final WorkerPool.Task project = this::project;

    private CpuLayer.Gated network;
    private GateFunction function;
    private OutputListener listener;
    private Activations gate;

    /** @param products those of the model, which know its adapters */
    CpuFeedForward(CpuKernels kernels, CpuProducts products, StepRegions regions,
            CpuBuffers buffers, StepLayout layout) {
        this.kernels = kernels;
        this.products = products;
        this.regions = regions;
        this.buffers = buffers;
        this.layout = layout;
    }

    void run(CpuLayer.Gated network, GateFunction function, OutputListener listener) {
        this.network = network;
        this.function = function;
        this.listener = listener;
        gate = buffers.gate(network.size());
        long macs = (long) layout.tokens * network.size() * network.down().rows();
        regions.runFromQueue(gateAndUp, network.tiles(), 2 * macs);
        regions.runByToken(prepareGate);
        regions.runFromQueue(project, network.down().tiles(), macs);
    }

    private void gateAndUp(int worker, int workers) {
        int tile = network.tileRows();
        int width = network.size();
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int begin = first * tile;
            int end = Math.min(queue.end(first) * tile, width);
            products.multiply(network.gate(), buffers.normed, 0, layout.tokens, gate.values(),
                    begin, end);
            products.multiply(network.up(), buffers.normed, 0, layout.tokens, buffers.up, begin,
                    end);
            for (int token = 0; token < layout.tokens; token++) {
                kernels.gate(function, gate.values(), buffers.up, token * width + begin,
                        end - begin);
            }
        }
    }

    private void prepareGate(int worker, int workers) {
        int begin = regions.share(worker, workers);
        int end = regions.share(worker + 1, workers);
        for (int token = begin; token < end; token++) {
            kernels.prepare(gate, token);
        }
        if (network.down().place() != CpuLinear.NO_PLACE) {
            products.begin(network.down(), gate, begin, end);
        }
    }

    private void project(int worker, int workers) {
        CpuLinear down = network.down();
        int tile = down.matrix().rowTile();
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            int begin = first * tile;
            int end = Math.min(queue.end(first) * tile, down.rows());
            products.multiply(down, gate, 0, layout.tokens, buffers.branch, begin, end);
            listener.onOutputs(begin, end);
        }
    }
}
