package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.cuda.CudaKernels.AttendStep;
import dev.millrace.kernels.cuda.CudaKernels.AttendWork;
import java.util.EnumMap;
import java.util.Map;

/**
 * Chooses and queues the kernels of attention: by the format of the cache and by how many halves
 * activations are rounded to. How many rows a block of threads has, and how many buffers, is what
 * fits into shared memory; the bits are the same.
 */
public final class CudaAttention {

    private static final int WARP = 32;
    private static final int WARP_ROWS = 16;
    private static final int MOST_WARPS = 8;
    private static final int MOST_BUFFERS = 4;
    /** Elements of a head that a warp makes. */
    private static final int PIECE_ELEMENTS = 64;
    private static final int WHOLE_ELEMENTS = 128;
    private static final int COMBINE_THREADS = 256;

    private final CudaDevice device;
    private final Map<KvFormat, Map<CudaActivations, Kernels>> kernels = new EnumMap<>(
            KvFormat.class);
    private final CudaFunction combine;

    /** For one format and number of halves. */
    private record Kernels(CudaFunction pieces, CudaFunction whole, int halves) {

        static Kernels of(CudaDevice device, String format, CudaActivations activations) {
            String name = format + "x" + activations.halves();
            return new Kernels(device.function("attendPieces" + name).preferShared(),
                    device.function("attendWhole" + name).preferShared(), activations.halves());
        }
    }

    CudaAttention(CudaDevice device) {
        this.device = device;
        for (KvFormat format : KvFormat.values()) {
            String name = format == KvFormat.Q8_0 ? "Q8" : format.name();
            Kernels two = Kernels.of(device, name, CudaActivations.F16X2);
            kernels.put(format, Map.of(CudaActivations.F16X2, two, CudaActivations.F16,
                    format == KvFormat.F32 // whose elements are two halves anyway
                            ? two
                            : Kernels.of(device, name, CudaActivations.F16)));
        }
        combine = device.function("combine");
    }

    /** Tokens that share a tile of which pieces are attended to one by one. @param group heads */
    public static int pieceTileTokens(int group) {
        return Math.max(1, WARP_ROWS / group);
    }

    /** Tokens that share a tile which has all its positions at once. @param group heads */
    public static int wholeTileTokens(int group) {
        return Math.max(1, MOST_WARPS * WARP_ROWS / group);
    }

    /**
     * What a block of threads has.
     *
     * @param rows    a token's heads of a KV head each
     * @param parts   of a head, made by a warp each
     * @param buffers of keys or values of a piece
     */
    private record Block(int rows, int parts, int buffers) {

        static final Block NONE = new Block(0, 0, 0);

        int threads() {
            return rows / WARP_ROWS * parts * WARP;
        }

        /** As the kernels lay it out. */
        int sharedBytes(CudaCache cache, int halves) {
            int blocks = Math.ceilDiv(cache.headSize(), 64);
            int stride = 128 * switch (cache.format()) {
                case F32 -> 2 * blocks;
                case F16 -> blocks;
                case Q8_0 -> Math.ceilDiv(blocks, 2);
            };
            int scales = cache.format() == KvFormat.Q8_0
                    ? Short.BYTES * Math.ceilDiv(cache.headSize(), KvFormat.GROUP_ELEMENTS)
                    : 0;
            return rows * (Integer.BYTES + Float.BYTES + halves * 128 * blocks)
                    + buffers * CudaKernels.PIECE_TOKENS * (stride + scales);
        }
    }

    /** The most rows that fit with at least two buffers, then the most buffers. */
    private Block block(CudaCache cache, int halves, int mostRows, int elements,
            int mostBuffers) {
        int parts = Math.ceilDiv(cache.headSize(), elements);
        for (int rows = mostRows; rows >= WARP_ROWS; rows /= 2) {
            for (int buffers = mostBuffers; buffers >= (rows == WARP_ROWS ? 1 : 2); buffers /= 2) {
                Block block = new Block(rows, parts, buffers);
                if (block.sharedBytes(cache, halves) <= device.sharedBytes()
                        && block.threads() <= MOST_WARPS * WARP) {
                    return block;
                }
            }
        }
        throw new KernelException("attention with heads of " + cache.headSize() + " elements and "
                + "a cache in " + cache.format() + " needs more than the " + device.sharedBytes()
                + " bytes of shared memory that a block of threads has here; choose another format"
                + " of the cache, or the processor");
    }

    /** Attends, and prepares what comes of it. */
    void run(AttendStep step, CudaCache cache, AttendWork work, PreparedRows out) {
        int group = step.heads() / cache.kvHeads();
        Kernels chosen = kernels.get(cache.format()).get(out.activations());
        if (work.wholeTiles() > 0) {
            Block block = block(cache, chosen.halves(), MOST_WARPS * WARP_ROWS,
                    WHOLE_ELEMENTS, MOST_BUFFERS);
            long tiles = step.tiles() + 2L * Integer.BYTES * (work.tokens() - work.wholeTiles());
            write(chosen.whole(), step, tiles, cache, work, 0, block, out).launch(
                    blocks(cache, group, wholeTileTokens(group), block), work.wholeTiles(), 1,
                    block.threads(), block.sharedBytes(cache, chosen.halves()));
        }
        if (work.slots() == 0) {
            combine(step, cache, work, 0, out);
        }
        Block block = block(cache, chosen.halves(), WARP_ROWS, PIECE_ELEMENTS, 2);
        for (int slot = 0; slot < work.slots(); slot += work.slotsAtOnce()) {
            write(chosen.pieces(), step, step.tiles(), cache, work, slot, block, out).launch(
                    blocks(cache, group, pieceTileTokens(group), block), work.pieceTiles(),
                    work.pieces(), block.threads(),
                    block.sharedBytes(cache, chosen.halves()));
            combine(step, cache, work, slot, out);
        }
    }

    /** Of a tile. */
    private static int blocks(CudaCache cache, int group, int tokens, Block block) {
        return cache.kvHeads() * Math.ceilDiv(tokens * group, block.rows());
    }

    private void combine(AttendStep step, CudaCache cache, AttendWork work, int slot,
            PreparedRows out) {
        write(combine, step, step.tiles(), cache, work, slot, Block.NONE, out)
                .launch(work.tokens(), 1, 1, COMBINE_THREADS, 0);
    }

    private static CudaFunction write(CudaFunction function, AttendStep step, long tiles,
            CudaCache cache, AttendWork work, int slot, Block block, PreparedRows out) {
        int slots = Math.min(work.slotsAtOnce(), work.slots() - slot);
        long results = (long) slots * step.heads() * work.pieces() * Float.BYTES;
        long largest = step.parts() + results * cache.headSize();
        return cache.write(function.begin().with(step.query()).with(step.positions())
                .with(step.sequences()).with(step.slots()).with(tiles).with(step.sinks())
                .with(largest).with(largest + results).with(step.parts())
                .with(step.attended()))
                .with(out, step.heads() * cache.headSize()).with(step.heads())
                .with(step.window()).with(work.pieces()).with(slot).with(slots)
                .with(block.rows()).with(block.buffers()).with(0).with(step.scale())
                .with(step.cap());
    }
}
