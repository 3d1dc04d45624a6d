package dev.millrace.kernels.quantize;

import dev.millrace.kernels.Dequantizer;
import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.QuantTensor;
import dev.millrace.kernels.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/** Turns a tensor of any format into another, piece by piece, all workers together. */
public final class TensorQuantizer {

    /** Elements that a worker takes at once; a multiple of every block. */
    private static final int CHUNK_ELEMENTS = 1 << 14;
    private static final int MOST_RUN_ELEMENTS = 1 << 12;
    private static final int WIDEST_BLOCK = 256;
    private static final int ALIGNMENT_BYTES = 64;

    private final QuantTensor source;
    private final QuantFormat target;
    private final float[] importance;
    private final WorkerPool pool;

    /**
     * A quantiser of one tensor.
     *
     * @param importance of the columns, for each plane or for all of them; null where all are alike
     * @throws IllegalArgumentException if nothing is quantised to the format, the columns are no
     *                                  whole number of its blocks, or importance does not fit
     */
    public TensorQuantizer(QuantTensor source, QuantFormat target, float[] importance,
            WorkerPool pool) {
        if (!Quantizer.targets().contains(target)) {
            throw new IllegalArgumentException("nothing is quantised to " + target
                    + "; formats are " + Quantizer.targets());
        }
        target.rowBytes(source.shape().columns());
        long columns = source.shape().columns();
        if (importance != null && importance.length != columns
                && importance.length != columns * source.shape().planes()) {
            throw new IllegalArgumentException("importance of " + importance.length
                    + " columns does not fit a " + source.shape() + " tensor");
        }
        this.source = source;
        this.target = target;
        this.importance = importance;
        this.pool = pool;
    }

    /** The whole tensor in memory of the arena. */
    public QuantTensor quantize(Arena arena) {
        MemorySegment data = arena.allocate(QuantTensor.bytes(target, source.shape()),
                ALIGNMENT_BYTES);
        fill(0, data);
        return QuantTensor.of(target, source.shape(), data);
    }

    /**
     * Fills a piece with the blocks from element {@code first} on.
     *
     * @throws QuantizationException if an element cannot be quantised
     */
    public void fill(long first, MemorySegment piece) {
        long elements = piece.byteSize() / target.blockBytes() * target.blockElements();
        long end = first + elements;
        // Chunks end where blocks of both formats do, wherever the piece starts.
        long start = first / WIDEST_BLOCK * WIDEST_BLOCK;
        AtomicLong next = new AtomicLong(start);
        pool.run((worker, workers) -> {
            Dequantizer dequantizer = new Dequantizer(source.format());
            Quantizer quantizer = new Quantizer(target);
            float[] run = new float[MOST_RUN_ELEMENTS + WIDEST_BLOCK];
            for (long at = next.getAndAdd(CHUNK_ELEMENTS); at < end; at = next
                    .getAndAdd(CHUNK_ELEMENTS)) {
                long from = Math.max(first, at);
                long to = Math.min(end, at + CHUNK_ELEMENTS);
                convert(dequantizer, quantizer, run, from, to, first, piece);
            }
        });
    }

    private void convert(Dequantizer dequantizer, Quantizer quantizer, float[] run, long from,
            long to, long first, MemorySegment piece) {
        long columns = source.shape().columns();
        int sourceBlock = source.format().blockElements();
        for (long at = from; at < to;) {
            int column = (int) (at % columns);
            int count = (int) Math.min(Math.min(MOST_RUN_ELEMENTS, columns - column), to - at);
            int lead = (int) (at % sourceBlock);
            int whole = (lead + count + sourceBlock - 1) / sourceBlock * sourceBlock;
            dequantizer.dequantize(source, at - lead, whole, run, 0);
            long offset = (at - first) / target.blockElements() * target.blockBytes();
            quantizer.quantize(run, lead, count, importance, importanceAt(at, column), piece,
                    offset);
            at += count;
        }
    }

    private int importanceAt(long element, int column) {
        if (importance == null || importance.length == source.shape().columns()) {
            return column;
        }
        long plane = element / (source.shape().rows() * source.shape().columns());
        return (int) (plane * source.shape().columns()) + column;
    }
}
