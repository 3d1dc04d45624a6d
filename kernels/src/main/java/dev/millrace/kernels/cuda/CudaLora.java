package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The kernels of LoRA adapters: each token has at most one, and what that adds to a projection is
 * {@code scale * B (A x)}. Which pairs there are is in device memory, so that adapters come and go
 * without a kernel's arguments changing.
 */
public final class CudaLora {

    /** Projections that may be multiplied at once. */
    public static final int MOST_PARTS = 3;

    private static final int ROW_THREADS = 256;

    private final CudaFunction reduce;
    private final CudaFunction expand;

    public CudaLora(CudaDevice device) {
        reduce = device.function("loraReduce");
        expand = device.function("loraExpand");
    }

    /**
     * One projection's change; all zeros for none.
     *
     * @param a     (rank, columns) floats
     * @param b     (rank, outputs) floats: the transpose of what files hold
     * @param inner (step tokens, rank) floats of scratch memory
     */
    public record Pair(long a, long b, long inner, float scale, int rank, int columns,
            int outputs) {

        /** Of one pair on the device. */
        public static final int BYTES = 40;

        /** For a projection that is left as it is. */
        public static final Pair NONE = new Pair(0, 0, 0, 0, 0, 0, 0);

        /** Writes the struct {@code LoraPair}. */
        public void write(MemorySegment target, long offset) {
            long[] addresses = {a, b, inner};
            int[] rest = {Float.floatToRawIntBits(scale), rank, columns, outputs};
            MemorySegment.copy(addresses, 0, target, ValueLayout.JAVA_LONG, offset,
                    addresses.length);
            MemorySegment.copy(rest, 0, target, ValueLayout.JAVA_INT,
                    offset + (long) addresses.length * Long.BYTES, rest.length);
        }
    }

    /**
     * Projections of the same activations.
     *
     * @param outs    (tokens, outputs) of each, at most {@link #MOST_PARTS}
     * @param outputs of the widest
     * @param place   of the first among an adapter's pairs; the others follow it
     */
    public record Projections(long[] outs, int outputs, int place) {}

    /**
     * Adds what adapters make of activations to products of the same.
     *
     * @param adapters (adapters) addresses of their pairs
     * @param chosen   (tokens) ints: which adapter, -1 for none
     * @param columns  of the activations
     */
    public void add(Projections projections, long adapters, long chosen, PreparedRows x,
            int columns, int tokens) {
        int parts = projections.outs().length;
        write(reduce, projections, adapters, chosen, x, columns)
                .launch(tokens, parts, 1, ROW_THREADS, 0);
        write(expand, projections, adapters, chosen, x, columns)
                .launch(Math.ceilDiv(projections.outputs(), ROW_THREADS), tokens, parts,
                        ROW_THREADS, 0);
    }

    private static CudaFunction write(CudaFunction function, Projections projections,
            long adapters, long chosen, PreparedRows x, int columns) {
        function.begin().with(adapters).with(chosen).with(x, columns);
        for (int part = 0; part < MOST_PARTS; part++) {
            function.with(part < projections.outs().length ? projections.outs()[part] : 0);
        }
        return function.with(projections.place()).with(0);
    }
}
