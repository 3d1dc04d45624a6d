package dev.millrace.kernels.cuda;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.cuda.CudaProduct.Part;
import dev.millrace.kernels.cuda.CudaProduct.Run;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * The kernels of a device, one method each; addresses are of device memory, sizes in elements. Each
 * method returns as soon as the kernel is queued.
 */
public final class CudaKernels {

    /** Positions in one block of the cache. */
    public static final int BLOCK_TOKENS = 32;
    /** Positions of which the attention is computed apart. */
    public static final int PIECE_TOKENS = 64;
    /** Columns of a matrix are filled up to a multiple of this. */
    private static final int ROW_THREADS = 256;
    private static final int WARP = 32;
    /** Columns of a row that a block of threads gates, where the row has several. */
    private static final int GATE_SLICE = 4 * ROW_THREADS;
    /** Logits of a block of threads. */
    private static final int LOGIT_SLICE = 8 * ROW_THREADS;
    /** More rows than these keep a device busy with a block of threads each. */
    private static final int SLICED_ROWS = 16;

    private final CudaDevice device;
    private final CudaFunction embed;
    private final CudaFunction addAndNorm;
    private final CudaMultiply multiply;
    private final CudaFunction store;
    private final CudaAttention attention;
    private final CudaFunction gate;
    private final CudaFunction finishLogits;
    private final CudaFunction route;
    private final CudaFunction order;
    private final CudaFunction mix;
    private LibraryProducts library; // null where all products are the kernels' own

    public CudaKernels(CudaDevice device) {
        this.device = device;
        embed = device.function("embed");
        addAndNorm = device.function("addAndNorm");
        multiply = new CudaMultiply(device);
        store = device.function("store");
        attention = new CudaAttention(device);
        gate = device.function("gate");
        finishLogits = device.function("finishLogits");
        route = device.function("route");
        order = device.function("order");
        mix = device.function("mix");
    }

    /** The device that they run on. */
    public CudaDevice device() {
        return device;
    }

    /**
     * Writes descriptors of matrices to the device, for products of the same activations.
     *
     * @param address of {@link CudaProduct#DESCRIPTOR_BYTES} for each
     * @param staging pinned memory for as many; free again when this returns
     */
    public CudaProduct describe(List<Part> parts, long address, MemorySegment staging) {
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            CudaMatrix matrix = parts.get(i).matrix();
            MemorySegment each = staging.asSlice((long) i * CudaProduct.DESCRIPTOR_BYTES,
                    CudaProduct.DESCRIPTOR_BYTES);
            long[] addresses = {matrix.codes(), matrix.hasExtra() ? matrix.extra() : 0,
                matrix.scales(), matrix.factors(), parts.get(i).bias(), parts.get(i).out()};
            MemorySegment.copy(addresses, 0, each, ValueLayout.JAVA_LONG, 0, addresses.length);
            if (runs.isEmpty() || !runs.getLast().takes(parts.get(i))) {
                runs.add(new Run(matrix.format(), parts.get(i).order(), i, 0, 0, 0));
            }
            int[] sizes = {matrix.rows(), matrix.columns(), matrix.format().ordinal(),
                runs.getLast().tiles()};
            MemorySegment.copy(sizes, 0, each, ValueLayout.JAVA_INT,
                    (long) addresses.length * Long.BYTES, sizes.length);
            runs.addLast(runs.removeLast().with(matrix));
        }
        device.upload(staging.asSlice(0, (long) parts.size() * CudaProduct.DESCRIPTOR_BYTES),
                address);
        device.synchronize();
        return new CudaProduct(address, List.copyOf(parts), List.copyOf(runs),
                parts.getFirst().matrix().columns());
    }

    /** Writes rows of the first matrix of a product, times a factor, to (tokens, columns). */
    public void embed(CudaProduct embedding, long tokenIds, int tokens, long hidden,
            float factor) {
        embed.begin().with(embedding.address()).with(tokenIds).with(hidden).with(factor).with(0)
                .launch(tokens, 1, 1, ROW_THREADS, 0);
    }

    /**
     * What happens between the branches of a layer.
     *
     * @param hidden     (tokens, width): the residual stream
     * @param branch     (parts, tokens, width): added to it first; 0 for nothing
     * @param parts      that the branch is the sum of, in their order
     * @param factor     of the branch
     * @param branchNorm (width): of the branch; 0 for none
     * @param norm       (width): of the stream, for what is prepared; 0 for none
     * @param epsilon    of the norms
     */
    public record Between(long hidden, long branch, int parts, float factor, long branchNorm,
            long norm, float epsilon, int width) {

        /** With a branch that is whole. */
        public Between(long hidden, long branch, float factor, long branchNorm, long norm,
                float epsilon, int width) {
            this(hidden, branch, 1, factor, branchNorm, norm, epsilon, width);
        }
    }

    /** Adds the branch and prepares all tokens for the next one. */
    public void addAndNorm(Between between, int tokens, PreparedRows out) {
        addAndNorm(between, 0, tokens, 0, out);
    }

    /** Adds the branch and prepares nothing. */
    public void add(Between between, int tokens) {
        addAndNorm(between, 0, tokens, 0, PreparedRows.NONE);
    }

    /**
     * Prepares the given rows of the stream.
     *
     * @param tokens (rows): indices of tokens
     * @param plain  (rows, width): the same as floats; 0 for none
     */
    public void normSome(Between between, long tokens, int rows, long plain, PreparedRows out) {
        addAndNorm(between, tokens, rows, plain, out);
    }

    private void addAndNorm(Between between, long tokens, int rows, long plain,
            PreparedRows out) {
        addAndNorm.begin().with(between.hidden()).with(between.branch())
                .with(between.branchNorm()).with(between.norm()).with(tokens).with(plain)
                .with(out, between.width()).with(between.width()).with(between.epsilon())
                .with(between.factor()).with(between.parts()).launch(rows, 1, 1, ROW_THREADS, 0);
    }

    /** Has a library multiply, from now on, what it is offered. */
    public void multiplyBy(LibraryProducts products) {
        library = products;
    }

    /**
     * Leaves a product to the library, if there is one, where tokens are many.
     *
     * @param staging pinned memory; free again when this returns
     */
    public void offer(CudaProduct product, MemorySegment staging) {
        if (library != null) {
            library.take(product, staging);
        }
    }

    /** Multiplies activations by every matrix of a product. */
    public void multiply(CudaProduct product, PreparedRows x, int tokens) {
        if (library == null || !library.run(product, x, tokens, multiply)) {
            multiply.run(product, CudaMultiply.Experts.NONE, x, tokens, tokens);
        }
    }

    /**
     * The same with rows that go to experts: matrix i is that of expert {@code i % experts}.
     *
     * @param firstRows (experts + 1): rows of each expert
     * @param rowTokens (rows): which activations; 0 for those of the row
     * @param mostRows  of one expert
     */
    public void multiplyExperts(CudaProduct product, int experts, long firstRows, long rowTokens,
            PreparedRows x, int rows, int mostRows) {
        multiply.run(product, new CudaMultiply.Experts(experts, firstRows, rowTokens), x, rows,
                mostRows);
    }

    /** Norms and rotates queries and keys, and writes keys and values to the cache. */
    public void store(StoreStep step, CudaCache cache, int tokens) {
        cache.write(store.begin().with(step.query()).with(step.key()).with(step.value())
                .with(step.queryNorm()).with(step.keyNorm()).with(step.cosines())
                .with(step.sines()).with(step.positions()).with(step.sequences()))
                .with(step.heads()).with(step.pairs()).with(step.adjacent())
                .with(step.queryNormed()).with(step.keyNormed()).with(step.epsilon())
                .launch(tokens, step.shares(cache), 1, ROW_THREADS, 0);
    }

    /** What {@link #store} needs; 0 for an address that there is none of. */
    public record StoreStep(long query, long key, long value, long queryNorm, long keyNorm,
            long cosines, long sines, long positions, long sequences, int heads, int pairs,
            boolean adjacent, int queryNormed, int keyNormed, float epsilon) {

        /** Blocks of threads of a token: one for each KV head, unless all are normed together. */
        private int shares(CudaCache cache) {
            return queryNorm != 0 && queryNormed > cache.headSize() ? 1 : cache.kvHeads();
        }
    }

    /**
     * What {@link #attend} needs.
     *
     * @param slots  (tokens) ints: where results of pieces go, ascending; -1 for tokens that have
     *               all their positions at once
     * @param tiles  (tokens, 2) ints: first token and count, tokens that follow each other in a
     *               sequence; tiles of pieces first, at the end those of whole prompts
     * @param parts  {@link #attentionBytes} of scratch memory, for as many slots as are attended to
     *               at once
     * @param sinks  (heads), or 0 for none
     * @param window positions that a token looks back, itself included; 0 for all
     */
    public record AttendStep(long query, long positions, long sequences, long slots, long tiles,
            long sinks, long parts, long attended, int heads, int window, float scale,
            float cap) {}

    /**
     * How much there is to {@link #attend} to.
     *
     * @param pieceTiles tiles whose results of pieces are kept apart; there may be empty ones
     * @param wholeTiles tiles that have all their positions at once
     * @param slots      of tokens of the former
     * @param pieces     that the longest sequence needs
     * @param slotsAtOnce that the scratch memory is enough for
     */
    public record AttendWork(int tokens, int pieceTiles, int wholeTiles, int slots, int pieces,
            int slotsAtOnce) {}

    /** Scratch memory for the attention of so many tokens at once, in bytes. */
    public static long attentionBytes(int tokens, int heads, int headSize, int pieces) {
        return (long) tokens * heads * pieces * (headSize + 2) * Float.BYTES;
    }

    /** Attends for a step's tokens, and prepares the result. */
    public void attend(AttendStep step, CudaCache cache, AttendWork work, PreparedRows out) {
        attention.run(step, cache, work, out);
    }

    /**
     * Prepares what a gate makes of two projections, (rows, width) each. Of few rows each has
     * several blocks of threads, which leave their results in the place of the gate's values.
     *
     * @param arrivals zeros of {@link #arrivalInts}, which are zeros again when it is done; 0 for a
     *                 block per row
     */
    public void gate(GateFunction function, long gateValues, long up, int rows, int width,
            long arrivals, PreparedRows out) {
        int slices = arrivals != 0 && rows <= SLICED_ROWS ? Math.ceilDiv(width, GATE_SLICE) : 1;
        gate.begin().with(gateValues).with(up).with(arrivals).with(out, width).with(width)
                .with(function.ordinal()).launch(rows, slices, 1, ROW_THREADS, 0);
    }

    /** Ints by which blocks of threads that share a row know which of them is the last. */
    public static int arrivalInts() {
        return 2 * SLICED_ROWS;
    }

    /**
     * Scales and caps logits in place, and finds the largest.
     *
     * @param best     (rows, 2) ints: its index, and 1 unless some logit is NaN or infinite
     * @param arrivals zeros of {@link #logitArrivalBytes}, which are zeros again when it is done
     * @param cap      0 for none
     */
    public void finishLogits(long logits, long best, long arrivals, int rows, int vocabulary,
            float factor, float cap) {
        finishLogits.begin().with(logits).with(best).with(arrivals).with(vocabulary).with(factor)
                .with(cap).with(0)
                .launch(rows, Math.ceilDiv(vocabulary, LOGIT_SLICE), 1, ROW_THREADS, 0);
    }

    /** Bytes by which blocks of threads that share a row of logits know of each other. */
    public static long logitArrivalBytes(int rows) {
        return 2L * Long.BYTES * rows;
    }

    /**
     * Where tokens go.
     *
     * @param chosen    (tokens, ranks) ints
     * @param weights   (tokens, ranks)
     * @param firstRows (experts + 1) ints
     * @param rowTokens (tokens x ranks) ints
     * @param rows      (tokens, ranks) ints
     */
    public record Routes(long chosen, long weights, long firstRows, long rowTokens, long rows) {}

    /** Chooses experts by logits of (tokens, experts), and orders the tokens by them. */
    public void route(long logits, Routes routes, int tokens, int experts, int ranks,
            boolean normalised) {
        route.begin().with(logits).with(routes.chosen()).with(routes.weights()).with(experts)
                .with(ranks).with(normalised).with(0).launch(tokens, 1, 1, WARP, 0);
        order.begin().with(routes.chosen()).with(routes.firstRows()).with(routes.rowTokens())
                .with(routes.rows()).with(tokens).with(experts).with(ranks).with(0)
                .launch(1, 1, 1, ROW_THREADS, 0);
    }

    /**
     * Adds up what the experts made of each token.
     *
     * @param outputs     (tokens x ranks, width), by expert
     * @param sharedLogit (tokens), of what is in the branch already; 0 for nothing
     */
    public void mix(long outputs, Routes routes, long sharedLogit, long branch, int tokens,
            int width, int ranks) {
        mix.begin().with(outputs).with(routes.rows()).with(routes.weights()).with(sharedLogit)
                .with(branch).with(width).with(ranks).launch(tokens, 1, 1, ROW_THREADS, 0);
    }
}
