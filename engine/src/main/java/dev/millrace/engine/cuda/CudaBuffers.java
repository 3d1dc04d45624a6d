package dev.millrace.engine.cuda;

import dev.millrace.engine.forward.MemoryBudget;
import dev.millrace.kernels.cuda.CudaActivations;
import dev.millrace.kernels.cuda.CudaKernels;
import dev.millrace.kernels.cuda.CudaKernels.Routes;
import dev.millrace.kernels.cuda.CudaProduct;
import dev.millrace.kernels.cuda.PreparedRows;
import dev.millrace.models.ExpertSpec;
import dev.millrace.models.FeedForwardSpec;
import dev.millrace.models.LayerSpec;
import dev.millrace.models.ModelSpec;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** Where a step keeps what on the device, laid out once for the largest step of a budget. */
final class CudaBuffers {

    /** Attention results of pieces are kept for so many bytes of tokens at a time. */
    private static final long ATTENTION_BYTES = 128L << 20;

    final long hidden; // (step tokens, embedding): the residual stream
    final long branch; // (step tokens, embedding): a branch's output, or this device's part of it
    final int devices; // that share the model
    final long parts; // (devices, tokens, embedding): branches of all devices
    final long squares; // (step tokens, 2): this device's share of the norm of all heads
    final long allSquares; // (devices, tokens, 2)
    final long query; // (step tokens, heads x head size)
    final long key; // (step tokens, KV heads x head size)
    final long value; // (step tokens, KV heads x head size)
    final long attended; // (step tokens, heads x head size)
    final long gate; // (gate rows, feed forward)
    final long up; // (gate rows, feed forward)
    final long arrivals; // CudaKernels.arrivalInts(): zeros between kernels
    final PreparedRows normed; // (step tokens, embedding)
    final PreparedRows attendedPrepared; // (step tokens, heads x head size)
    final long attention; // scratch of attentionBytes
    final long attentionBytes;
    final long logits; // (logit rows, vocabulary)
    final long best; // (logit rows, 2) ints
    final long logitArrivals; // CudaKernels.logitArrivalBytes(logitRows): zeros between kernels
    final SurveyBuffers survey;
    final long adapters; // (most adapters) addresses; nothing where there are to be none
    final long inputs; // (input ints): as StepInputs lays them out
    final int inputInts;
    final int logitRows;
    final long descriptors; // (descriptor count) of products
    final long routerLogits; // (step tokens, experts)
    final long sharedLogits; // (step tokens)
    final Routes routes;
    final long expertOut; // (step tokens x chosen, embedding)
    private final long gatePrepared; // enough for every width and number of rows
    private final int stepTokens;
    private final CudaActivations activations;

    /**
     * @param spec       of this device
     * @param devices    that share the model
     * @param logitBytes most bytes of logits at a time
     */
    CudaBuffers(ModelSpec spec, int devices, MemoryBudget budget, int groups, long logitBytes,
            CudaActivations activations, DeviceLayout layout) {
        this.activations = activations;
        stepTokens = budget.stepTokens();
        this.devices = devices;
        hidden = layout.floats((long) stepTokens * spec.embeddingSize());
        branch = layout.floats((long) stepTokens * spec.embeddingSize());
        boolean shared = devices > 1;
        parts = shared
                ? layout.floats((long) devices * stepTokens * spec.embeddingSize())
                : branch;
        squares = layout.floats(shared ? 2L * stepTokens : 0);
        allSquares = layout.floats(shared ? 2L * devices * stepTokens : 0);
        query = layout.floats((long) stepTokens * spec.querySize());
        key = layout.floats((long) stepTokens * spec.kvSize());
        value = layout.floats((long) stepTokens * spec.kvSize());
        attended = layout.floats((long) stepTokens * spec.querySize());
        normed = layout.prepared(stepTokens, spec.embeddingSize(), activations);
        attendedPrepared = layout.prepared(stepTokens, spec.querySize(), activations);
        long widest = 0;
        long preparedBytes = 0;
        for (FeedForwardSpec network : networks(spec)) {
            int rows = rows(network);
            widest = Math.max(widest, (long) rows * network.size());
            preparedBytes = Math.max(preparedBytes,
                    PreparedRows.bytes(rows, network.size(), activations));
        }
        gate = layout.floats(widest);
        up = layout.floats(widest);
        arrivals = layout.ints(CudaKernels.arrivalInts());
        gatePrepared = layout.take(preparedBytes);
        int pieces = Math.ceilDiv(budget.contextTokens(), CudaKernels.PIECE_TOKENS);
        long tokenBytes = CudaKernels.attentionBytes(1, spec.heads(), spec.headSize(), pieces);
        attentionBytes = Math.max(tokenBytes, Math.min(ATTENTION_BYTES, stepTokens * tokenBytes));
        attention = layout.take(attentionBytes);
        logitRows = Math.clamp(logitBytes / (Float.BYTES * (long) spec.vocabularySize()), 1,
                stepTokens);
        logits = layout.floats((long) logitRows * spec.vocabularySize());
        best = layout.ints(2L * logitRows);
        logitArrivals = layout.take(CudaKernels.logitArrivalBytes(logitRows));
        survey = new SurveyBuffers(spec.vocabularySize(), budget, logitRows, layout);
        adapters = layout.take(budget.adapterBytes() == 0
                ? 0
                : (long) CudaAdapters.MOST * Long.BYTES);
        inputInts = StepInputs.ints(budget, groups);
        inputs = layout.ints(inputInts);
        descriptors = layout.take((long) matrices(spec) * CudaProduct.DESCRIPTOR_BYTES);
        List<ExpertSpec> mixtures = spec.layerSpecs().stream()
                .map(layer -> layer.feedForward().experts()).filter(Objects::nonNull).toList();
        int experts = mixtures.stream().mapToInt(ExpertSpec::count).max().orElse(0);
        long pairs = (long) stepTokens
                * mixtures.stream().mapToInt(ExpertSpec::chosen).max().orElse(0);
        routerLogits = layout.floats((long) stepTokens * experts);
        sharedLogits = layout.floats(experts == 0 ? 0 : stepTokens);
        routes = new Routes(layout.ints(pairs), layout.floats(pairs), layout.ints(experts + 1L),
                layout.ints(pairs), layout.ints(pairs));
        expertOut = layout.floats(pairs * spec.embeddingSize());
    }

    /** Device memory that the buffers take, in bytes. */
    static long bytes(ModelSpec spec, int devices, MemoryBudget budget, int groups,
            long logitBytes, CudaActivations activations) {
        DeviceLayout layout = new DeviceLayout(0);
        new CudaBuffers(spec, devices, budget, groups, logitBytes, activations, layout);
        return layout.taken();
    }

    /** Dense networks, mixtures, and the networks beside mixtures. */
    private static List<FeedForwardSpec> networks(ModelSpec spec) {
        return spec.layerSpecs().stream().map(LayerSpec::feedForward).distinct()
                .flatMap(network -> network.experts() == null || network.experts().sharedSize() == 0
                        ? Stream.of(network)
                        : Stream.of(network,
                                FeedForwardSpec.dense(network.experts().sharedSize())))
                .toList();
    }

    private int rows(FeedForwardSpec network) {
        return network.experts() == null
                ? stepTokens
                : Math.multiplyExact(stepTokens, network.experts().chosen());
    }

    private static int matrices(ModelSpec spec) {
        int count = 2;
        for (LayerSpec layer : spec.layerSpecs()) {
            ExpertSpec experts = layer.feedForward().experts();
            count += 7 + (experts == null ? 0 : 3 * experts.count() + 5);
        }
        return count;
    }

    /** Prepared gates of a network: rows as many as it can have. */
    PreparedRows gates(int width, int rows) {
        return PreparedRows.at(gatePrepared, rows, width, activations);
    }
}
