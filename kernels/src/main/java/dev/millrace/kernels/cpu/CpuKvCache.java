package dev.millrace.kernels.cpu;

import dev.millrace.kernels.KvFormat;
import java.util.Objects;
import java.util.function.BooleanSupplier;

import static dev.millrace.kernels.cpu.KvLayout.LANES;
import static dev.millrace.kernels.cpu.KvLayout.TILE_TOKENS;

/**
 * Keys and values of every layer in blocks of positions, off the heap.
 *
 * <p>Each layer's KV head has a run of memory for its keys and one for its values, blocks in order
 * of their ids: a sequence whose blocks follow each other is read as one stream, which memory
 * delivers faster than pieces. {@link KvLayout} says what is in a block.
 */
public final class CpuKvCache implements AutoCloseable {

    private final KvLayout layout;
    private final int layers;
    private final int kvHeads;
    private final int blockTokens;
    private final int blocks;
    private final long keyBlockBytes;
    private final long valueBlockBytes;
    private final PageMemory memory;
    /** (layers, blocks): 1 where an infinity or NaN was stored since the block was cleared. */
    private final byte[] damaged;

    CpuKvCache(KvFormat format, int layers, int kvHeads, int headSize, int blockTokens,
            int blocks) {
        this(new KvLayout(format, headSize), layers, kvHeads, blockTokens, blocks);
    }

    CpuKvCache(KvLayout layout, int layers, int kvHeads, int blockTokens, int blocks) {
        if (layers <= 0 || kvHeads <= 0 || layout.headSize() <= 0 || blocks <= 0) {
            throw new IllegalArgumentException("every extent of a cache must be positive, got "
                    + layers + " layers, " + kvHeads + " KV heads of " + layout.headSize() + ", "
                    + blocks
                    + " blocks");
        }
        this.layout = layout;
        this.layers = layers;
        this.kvHeads = kvHeads;
        this.blockTokens = blockTokens;
        this.blocks = blocks;
        this.keyBlockBytes = (long) tiles(blockTokens) * layout.keyTileBytes();
        this.valueBlockBytes = (long) tiles(blockTokens) * layout.valueTileBytes();
        this.damaged = new byte[Math.multiplyExact(layers, blocks)];
        this.memory = PageMemory.allocate(Math.multiplyExact(blockBytes(), (long) blocks));
    }

    private static int tiles(int blockTokens) {
        if (blockTokens <= 0 || blockTokens % TILE_TOKENS != 0) {
            throw new IllegalArgumentException("a block holds a positive multiple of "
                    + TILE_TOKENS + " positions, got " + blockTokens);
        }
        return blockTokens / TILE_TOKENS;
    }

    /** Bytes of one block over all layers. */
    static long blockBytes(KvFormat format, int layers, int kvHeads, int headSize,
            int blockTokens) {
        KvLayout layout = new KvLayout(format, headSize);
        long headBytes = (long) tiles(blockTokens)
                * (layout.keyTileBytes() + layout.valueTileBytes());
        return Math.multiplyExact(headBytes, (long) layers * kvHeads);
    }

    public KvFormat format() {
        return layout.format();
    }

    KvLayout layout() {
        return layout;
    }

    public int layers() {
        return layers;
    }

    public int kvHeads() {
        return kvHeads;
    }

    /** Elements of one key or value. */
    public int headSize() {
        return layout.headSize();
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
        return Math.multiplyExact(keyBlockBytes + valueBlockBytes, (long) layers * kvHeads);
    }

    /**
     * Gets the memory of blocks that nothing was stored in yet; others may use the cache meanwhile,
     * but not close it.
     *
     * @param stop asked every few milliseconds
     */
    public void makeResident(BooleanSupplier stop) {
        memory.makeResident(stop);
    }

    /** Copies one block over all layers. */
    public void copy(int fromBlock, int toBlock) {
        Objects.checkIndex(fromBlock, blocks);
        Objects.checkIndex(toBlock, blocks);
        for (int head = 0; head < layers * kvHeads; head++) {
            RawMemory.copy(keys(head, fromBlock), keys(head, toBlock), keyBlockBytes);
            RawMemory.copy(values(head, fromBlock), values(head, toBlock), valueBlockBytes);
        }
        for (int layer = 0; layer < layers; layer++) {
            damaged[layer * blocks + toBlock] = damaged[layer * blocks + fromBlock];
        }
    }

    /** Clears one block over all layers. */
    public void zero(int block) {
        Objects.checkIndex(block, blocks);
        for (int head = 0; head < layers * kvHeads; head++) {
            RawMemory.clear(keys(head, block), keyBlockBytes);
            RawMemory.clear(values(head, block), valueBlockBytes);
        }
        for (int layer = 0; layer < layers; layer++) {
            damaged[layer * blocks + block] = 0;
        }
    }

    /** Address of a block's keys; heads are counted through all layers. */
    private long keys(int head, int block) {
        return memory.address() + head * blocks * (keyBlockBytes + valueBlockBytes)
                + block * keyBlockBytes;
    }

    private long values(int head, int block) {
        return memory.address() + (head + 1L) * blocks * keyBlockBytes
                + (long) head * blocks * valueBlockBytes
                + block * valueBlockBytes;
    }

    /** Address of the key tile that holds a slot. */
    long keyTile(int layer, int block, int kvHead, int slot) {
        check(layer, block, kvHead, slot);
        return keys(layer * kvHeads + kvHead, block)
                + (long) (slot / TILE_TOKENS) * layout.keyTileBytes();
    }

    /** Address of the value tile that holds a slot. */
    long valueTile(int layer, int block, int kvHead, int slot) {
        check(layer, block, kvHead, slot);
        return values(layer * kvHeads + kvHead, block)
                + (long) (slot / TILE_TOKENS) * layout.valueTileBytes();
    }

    private void check(int layer, int block, int kvHead, int slot) {
        Objects.checkIndex(layer, layers);
        Objects.checkIndex(block, blocks);
        Objects.checkIndex(kvHead, kvHeads);
        Objects.checkIndex(slot, blockTokens);
    }

    /** Whether a block may hold an infinity or NaN in a layer. */
    boolean isDamaged(int layer, int block) {
        return damaged[layer * blocks + block] != 0;
    }

    /**
     * Stores one position's key and value heads, {@code kvHeads * headSize} floats each. What the
     * format cannot represent becomes infinite or NaN. Positions may be stored in parallel.
     */
    void store(int layer, int block, int slot, float[] key, float[] value, int offset) {
        int headSize = layout.headSize();
        Objects.checkFromIndexSize(offset, kvHeads * headSize, key.length);
        Objects.checkFromIndexSize(offset, kvHeads * headSize, value.length);
        int lane = slot % TILE_TOKENS;
        boolean finite = true;
        for (int head = 0; head < kvHeads; head++) {
            long keyTile = keyTile(layer, block, head, slot);
            long valueTile = valueTile(layer, block, head, slot);
            int at = offset + head * headSize;
            finite &= switch (layout.format()) {
                case F32 -> storeFloats(keyTile, valueTile, lane, key, value, at);
                case F16 -> storeHalves(keyTile, valueTile, lane, key, value, at);
                case Q8_0 -> storeBytes(keyTile, valueTile, lane, key, value, at);
            };
        }
        if (!finite) {
            damaged[layer * blocks + block] = 1;
        }
    }

    private boolean storeFloats(long keyTile, long valueTile, int lane, float[] key, float[] value,
            int offset) {
        float zeros = 0; // stays zero, or becomes NaN
        for (int i = 0; i < layout.headSize(); i++) {
            float keyElement = key[offset + i];
            float valueElement = value[offset + i];
            zeros += keyElement * 0 + valueElement * 0;
            RawMemory.ALL.set(RawMemory.FLOAT,
                    keyTile + layout.keyRow(i) + layout.laneOffset(lane), keyElement);
            RawMemory.ALL.set(RawMemory.FLOAT, valueTile + layout.valueRow(i / LANES, lane)
                    + layout.laneOffset(i % LANES), valueElement);
        }
        return zeros == 0;
    }

    private boolean storeHalves(long keyTile, long valueTile, int lane, float[] key, float[] value,
            int offset) {
        boolean finite = true;
        for (int i = 0; i < layout.headSize(); i++) {
            short keyHalf = Float.floatToFloat16(key[offset + i]);
            short valueHalf = Float.floatToFloat16(value[offset + i]);
            finite &= Halves.isFinite(keyHalf) & Halves.isFinite(valueHalf);
            RawMemory.ALL.set(RawMemory.SHORT,
                    keyTile + layout.keyRow(i) + layout.laneOffset(lane), keyHalf);
            RawMemory.ALL.set(RawMemory.SHORT, valueTile + layout.valueRow(i / LANES, lane)
                    + layout.laneOffset(i % LANES), valueHalf);
        }
        return finite;
    }

    private boolean storeBytes(long keyTile, long valueTile, int lane, float[] key, float[] value,
            int offset) {
        boolean finite = true;
        for (int i = 0; i < layout.headSize(); i += KvFormat.GROUP_ELEMENTS) {
            int count = Math.min(KvFormat.GROUP_ELEMENTS, layout.headSize() - i);
            float scale = storeScale(keyTile + layout.keyScales(i) + (long) lane * Short.BYTES, key,
                    offset + i, count);
            finite &= Float.isFinite(scale);
            for (int k = i; k < i + count; k++) {
                RawMemory.ALL.set(RawMemory.BYTE,
                        keyTile + layout.keyRow(k) + layout.laneOffset(lane),
                        code(key[offset + k], scale));
            }
        }
        float scale = storeScale(valueTile + (long) lane * Short.BYTES, value, offset,
                layout.headSize());
        finite &= Float.isFinite(scale);
        for (int i = 0; i < layout.headSize(); i++) {
            RawMemory.ALL.set(RawMemory.BYTE,
                    valueTile + layout.valueRow(i / LANES, lane) + layout.laneOffset(i % LANES),
                    code(value[offset + i], scale));
        }
        return finite;
    }

    /** Stores the scale that takes the largest element to 127; NaN if there is one. */
    private static float storeScale(long address, float[] x, int offset, int count) {
        float largest = 0;
        for (int i = offset; i < offset + count; i++) {
            largest = Math.max(largest, Math.abs(x[i])); // NaN wins
        }
        short half = Float.floatToFloat16(largest / Byte.MAX_VALUE);
        RawMemory.ALL.set(RawMemory.SHORT, address, half);
        return Float.float16ToFloat(half);
    }

    /** The nearest multiple; a scale that was rounded down could lead beyond the last one. */
    private static byte code(float x, float scale) {
        return scale == 0
                ? 0
                : (byte) Math.clamp(Math.rint(x / scale), -Byte.MAX_VALUE, Byte.MAX_VALUE);
    }

    /** Reads one head's key as it was rounded, {@code headSize} floats. */
    void readKey(int layer, int block, int kvHead, int slot, float[] out) {
        long tile = keyTile(layer, block, kvHead, slot);
        int lane = slot % TILE_TOKENS;
        for (int i = 0; i < layout.headSize(); i++) {
            out[i] = element(tile + layout.keyRow(i), lane);
        }
        for (int i = 0; i < layout.groups()
                * KvFormat.GROUP_ELEMENTS; i += KvFormat.GROUP_ELEMENTS) {
            float scale = half(tile + layout.keyScales(i) + (long) lane * Short.BYTES);
            int past = Math.min(i + KvFormat.GROUP_ELEMENTS, layout.headSize());
            for (int k = i; k < past; k++) {
                out[k] *= scale;
            }
        }
    }

    /** Reads one head's value as it was rounded, {@code headSize} floats. */
    void readValue(int layer, int block, int kvHead, int slot, float[] out) {
        long tile = valueTile(layer, block, kvHead, slot);
        int lane = slot % TILE_TOKENS;
        float scale = format() == KvFormat.Q8_0 ? half(tile + (long) lane * Short.BYTES) : 1;
        for (int i = 0; i < layout.headSize(); i++) {
            out[i] = element(tile + layout.valueRow(i / LANES, lane), i % LANES) * scale;
        }
    }

    private float element(long row, int lane) {
        long address = row + layout.laneOffset(lane);
        return switch (layout.format()) {
            case F32 -> RawMemory.ALL.get(RawMemory.FLOAT, address);
            case F16 -> half(address);
            case Q8_0 -> RawMemory.ALL.get(RawMemory.BYTE, address);
        };
    }

    private static float half(long address) {
        return Float.float16ToFloat(RawMemory.ALL.get(RawMemory.SHORT, address));
    }

    /** Frees the memory; no operation on this cache may be running or follow. */
    @Override
    public void close() {
        memory.close();
    }
}
