package dev.millrace.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Keys and values of every layer in fixed-size blocks, in float32, off the heap.
 *
 * <p>A block holds, for each layer and KV head, first the keys and then the values of its
 * positions. Keys are tiled by {@value #TILE_TOKENS} positions so that a vector of lanes is a
 * vector of positions and a dot product with a query needs no sum across lanes:
 *
 * <pre>
 * keys   (blockTokens / TILE_TOKENS, headSize, TILE_TOKENS)
 * values (blockTokens, headSize)
 * </pre>
 */
public final class CpuKvCache implements AutoCloseable {

    /** Positions that are interleaved in one tile of keys. */
    static final int TILE_TOKENS = 16;

    private static final long ALIGNMENT_BYTES = 64;

    private final Arena arena = Arena.ofShared();
    private final int layers;
    private final int kvHeads;
    private final int headSize;
    private final int blockTokens;
    private final int blocks;
    private final long headBytes;
    private final MemorySegment memory;

    CpuKvCache(int layers, int kvHeads, int headSize, int blockTokens, int blocks) {
        if (layers <= 0 || kvHeads <= 0 || headSize <= 0 || blocks <= 0) {
            throw new IllegalArgumentException("every extent of a cache must be positive, got "
                    + layers + " layers, " + kvHeads + " KV heads of " + headSize + ", " + blocks
                    + " blocks");
        }
        if (blockTokens <= 0 || blockTokens % TILE_TOKENS != 0) {
            throw new IllegalArgumentException("a block holds a positive multiple of "
                    + TILE_TOKENS + " positions, got " + blockTokens);
        }
        this.layers = layers;
        this.kvHeads = kvHeads;
        this.headSize = headSize;
        this.blockTokens = blockTokens;
        this.blocks = blocks;
        this.headBytes = 2L * Float.BYTES * headSize * blockTokens;
        this.memory = arena.allocate(Math.multiplyExact(blockBytes(), (long) blocks),
                ALIGNMENT_BYTES);
    }

    public int layers() {
        return layers;
    }

    public int kvHeads() {
        return kvHeads;
    }

    /** Elements of one key or value. */
    public int headSize() {
        return headSize;
    }

    /** Positions in one block. */
    public int blockTokens() {
        return blockTokens;
    }

    public int blocks() {
        return blocks;
    }

    /** Bytes of one block over all layers. */
    public long blockBytes() {
        return Math.multiplyExact(headBytes, (long) layers * kvHeads);
    }

    /** Copies one block over all layers. */
    public void copy(int fromBlock, int toBlock) {
        MemorySegment.copy(block(fromBlock), 0, block(toBlock), 0, blockBytes());
    }

    /** Clears one block over all layers. */
    public void zero(int block) {
        block(block).fill((byte) 0);
    }

    private MemorySegment block(int block) {
        return memory.asSlice(Objects.checkIndex(block, blocks) * blockBytes(), blockBytes());
    }

    /** Address of a head's keys and values in a block. */
    long headAddress(int layer, int block, int kvHead) {
        Objects.checkIndex(layer, layers);
        Objects.checkIndex(block, blocks);
        Objects.checkIndex(kvHead, kvHeads);
        long head = ((long) block * layers + layer) * kvHeads + kvHead;
        return memory.address() + head * headBytes;
    }

    /** Bytes from a head's address to the first element of a slot's key; a tile apart each. */
    long keyOffset(int slot) {
        return ((long) slot / TILE_TOKENS * headSize * TILE_TOKENS + slot % TILE_TOKENS)
                * Float.BYTES;
    }

    /** Bytes from a head's address to the first element of a slot's value. */
    long valueOffset(int slot) {
        return headBytes / 2 + (long) slot * headSize * Float.BYTES;
    }

    /** Stores one position's key and value heads, {@code kvHeads * headSize} floats each. */
    void store(int layer, int block, int slot, float[] key, float[] value, int offset) {
        Objects.checkIndex(slot, blockTokens);
        Objects.checkFromIndexSize(offset, kvHeads * headSize, key.length);
        Objects.checkFromIndexSize(offset, kvHeads * headSize, value.length);
        for (int head = 0; head < kvHeads; head++) {
            long address = headAddress(layer, block, head);
            long keyAddress = address + keyOffset(slot);
            long valueAddress = address + valueOffset(slot);
            for (int i = 0; i < headSize; i++) {
                int element = offset + head * headSize + i;
                RawMemory.ALL.set(RawMemory.FLOAT,
                        keyAddress + (long) i * TILE_TOKENS * Float.BYTES,
                        key[element]);
                RawMemory.ALL.set(RawMemory.FLOAT, valueAddress + (long) i * Float.BYTES,
                        value[element]);
            }
        }
    }

    /** Frees the memory; no operation on this cache may be running or follow. */
    @Override
    public void close() {
        arena.close();
    }
}
