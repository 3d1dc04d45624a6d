package dev.millrace.engine.cpu;

import dev.millrace.kernels.WorkerPool;
import dev.millrace.kernels.cpu.Activations;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.FeedForwardSpec;
import java.util.Arrays;

/**
 * A mixture of experts over all tokens of a step: from {@code buffers.normed} to
 * {@code buffers.branch}. Tokens are gathered by expert, so that each chosen expert's weights are
 * read once and the others' not at all. A token's experts are summed in the order of their logits,
 * so that its bits do not depend on the other tokens.
 */
final class CpuExperts {

    private final CpuKernels kernels;
    private final CpuProducts products;
    private final StepRegions regions;
    private final CpuBuffers buffers;
    private final StepLayout layout;
    private final CpuFeedForward feedForward;
    private final ExpertBuffers expert;
    private final ExpertChoice choice;
    private final int width;

    private final WorkerPool.Task route = this::route;
    private final WorkerPool.Task gather = this::gather;
    private final WorkerPool.Task gateAndUp = this::gateAndUp;
    private final WorkerPool.Task prepareGate = this::prepareGate;
    private final WorkerPool.Task project = this::project;
    private final WorkerPool.Task combine = this::combine;

    private CpuLayer.Experts weights;
    private FeedForwardSpec spec;
    private Activations gate;
    private int tiles; // of one expert, in the region that is running

    CpuExperts(CpuKernels kernels, StepRegions regions, CpuBuffers buffers, StepLayout layout,
            CpuFeedForward feedForward, int embeddingSize) {
        this.kernels = kernels;
        this.products = new CpuProducts(kernels);
        this.regions = regions;
        this.buffers = buffers;
        this.layout = layout;
        this.feedForward = feedForward;
        expert = buffers.experts;
        choice = expert.choice;
        width = embeddingSize;
    }

    void run(CpuLayer.Experts weights, FeedForwardSpec spec) {
        this.weights = weights;
        this.spec = spec;
        regions.runFromQueue(route, weights.router().tiles(),
                (long) layout.tokens * spec.experts().count() * width);
        choice.choose(spec.experts(), expert.logits, layout.tokens);
        int rows = choice.rows();
        regions.runByRow(gather, rows);
        CpuLayer.Gated one = weights.networks()[0];
        gate = expert.gate(spec.size());
        long macs = (long) rows * spec.size() * width;
        tiles = one.tiles();
        regions.runFromQueue(gateAndUp, choice.active() * tiles, 2 * macs);
        regions.runByRow(prepareGate, rows);
        tiles = one.down().tiles();
        regions.runFromQueue(project, choice.active() * tiles, macs);
        if (weights.shared() != null) {
            feedForward.run(weights.shared(), spec.gate(), (begin, end) -> {});
        }
        regions.runByToken(combine);
    }

    private void route(int worker, int workers) {
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            products.multiplyTiles(weights.router(), buffers.normed, layout.tokens, expert.logits,
                    first, queue.end(first));
        }
    }

    /** Copies every token once per expert that it goes to, those of an expert side by side. */
    private void gather(int worker, int workers) {
        int end = StepRegions.share(choice.rows(), worker + 1, workers);
        for (int row = StepRegions.share(choice.rows(), worker, workers); row < end; row++) {
            System.arraycopy(buffers.normed.values(), choice.token(row) * width,
                    expert.in.values(), row * width, width);
            kernels.prepare(expert.in, row);
        }
    }

    private void gateAndUp(int worker, int workers) {
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            for (int item = first; item < queue.end(first);) {
                int index = item / tiles;
                int endItem = Math.min(queue.end(first), (index + 1) * tiles);
                gateAndUp(index, item - index * tiles, endItem - index * tiles);
                item = endItem;
            }
        }
    }

    private void gateAndUp(int index, int firstTile, int endTile) {
        CpuLayer.Gated network = weights.networks()[choice.expert(index)];
        int firstRow = choice.firstRow(index);
        int rows = choice.firstRow(index + 1) - firstRow;
        int begin = firstTile * network.tileRows();
        int end = Math.min(endTile * network.tileRows(), spec.size());
        products.multiply(network.gate(), expert.in, firstRow, rows, gate.values(), begin, end);
        products.multiply(network.up(), expert.in, firstRow, rows, expert.up, begin, end);
        for (int row = firstRow; row < firstRow + rows; row++) {
            kernels.gate(spec.gate(), gate.values(), expert.up, row * spec.size() + begin,
                    end - begin);
        }
    }

    private void prepareGate(int worker, int workers) {
        int end = StepRegions.share(choice.rows(), worker + 1, workers);
        for (int row = StepRegions.share(choice.rows(), worker, workers); row < end; row++) {
            kernels.prepare(gate, row);
        }
    }

    private void project(int worker, int workers) {
        WorkQueue queue = regions.queue;
        for (int first = queue.take(); first >= 0; first = queue.take()) {
            for (int item = first; item < queue.end(first);) {
                int index = item / tiles;
                int endItem = Math.min(queue.end(first), (index + 1) * tiles);
                CpuLinear down = weights.networks()[choice.expert(index)].down();
                int tile = down.matrix().rowTile();
                int firstRow = choice.firstRow(index);
                products.multiply(down, gate, firstRow, choice.firstRow(index + 1) - firstRow,
                        expert.out, (item - index * tiles) * tile,
                        Math.min((endItem - index * tiles) * tile, width));
                item = endItem;
            }
        }
    }

    private void combine(int worker, int workers) {
        int chosen = spec.experts().chosen();
        int end = regions.share(worker + 1, workers);
        for (int token = regions.share(worker, workers); token < end; token++) {
            int at = token * width;
            if (weights.shared() == null) {
                Arrays.fill(buffers.branch, at, at + width, 0);
            } else {
                kernels.scale(buffers.branch, at, sharedShare(token), width);
            }
            for (int rank = 0; rank < chosen; rank++) {
                kernels.addScaled(buffers.branch, at, expert.out,
                        choice.row(token, rank) * width, choice.weight(token, rank), width);
            }
        }
    }

    /** The sigmoid of the logit of the network that every token goes through. */
    private float sharedShare(int token) {
        kernels.multiply(weights.sharedRouter().matrix(), buffers.normed, token, 1,
                expert.sharedLogits, 0, 1);
        return (float) (1 / (1 + Math.exp(-expert.sharedLogits[token])));
    }
}
