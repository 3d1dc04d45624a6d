package dev.millrace.kernels.cuda;

import dev.millrace.kernels.KvFormat;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The bytes of a cache as the device has them, written and read here by what its layout says: a
 * twin of the kernels' arithmetic of addresses. Sequences have their blocks in falling order.
 */
final class HostCache {

    /** Layers that share the cache, and the one that is looked at. */
    static final int LAYERS = 2;
    static final int LAYER = 1;
    private static final int BLOCK_TOKENS = CudaKernels.BLOCK_TOKENS;

    final KvFormat format;
    final int kvHeads;
    final int headSize;
    final int tableLength;
    final int[] tables; // (sequences, table length)
    final ByteBuffer bytes;

    HostCache(KvFormat format, int kvHeads, int headSize, int sequences, int tokens) {
        this.format = format;
        this.kvHeads = kvHeads;
        this.headSize = headSize;
        tableLength = Math.ceilDiv(tokens, BLOCK_TOKENS);
        tables = new int[sequences * tableLength];
        for (int i = 0; i < tables.length; i++) {
            tables[i] = tables.length - i; // block 0 is nobody's
        }
        bytes = ByteBuffer.allocate(Math.toIntExact((tables.length + 1)
                * CudaCache.blockBytes(format, LAYERS, kvHeads, headSize)))
                .order(ByteOrder.LITTLE_ENDIAN);
        Arrays.fill(bytes.array(), (byte) 0x7b); // large in every format, and no NaN
    }

    /** The cache on a device, with the bytes as they are now. */
    CudaCache upload(DeviceScope scope) {
        return new CudaCache(scope.upload(bytes.array()), scope.upload(tables), tableLength, LAYERS,
                LAYER, format, kvHeads, headSize);
    }

    /** Takes the bytes back from a device. */
    void download(DeviceScope scope, CudaCache cache) {
        bytes.put(0, scope.bytes(cache.blocks(), bytes.capacity()));
    }

    private int layerBytes() {
        return (int) CudaCache.blockBytes(format, 1, kvHeads, headSize);
    }

    private int layer(int sequence, int position) {
        int block = tables[sequence * tableLength + position / BLOCK_TOKENS];
        return (block * LAYERS + LAYER) * layerBytes();
    }

    private int row(boolean key, int head, int position) {
        return ((key ? 0 : kvHeads) + head) * BLOCK_TOKENS + position % BLOCK_TOKENS;
    }

    private int groups() {
        return Math.ceilDiv(headSize, KvFormat.GROUP_ELEMENTS);
    }

    /** Of codes: keys have a scale for 32 elements, values one. */
    private int scale(int layer, boolean key, int row, int element) {
        int rows = kvHeads * BLOCK_TOKENS;
        int codes = layer + 2 * rows * headSize;
        return codes + 2 * (key
                ? row * groups() + element / KvFormat.GROUP_ELEMENTS
                : rows * groups() + row - rows);
    }

    /** An element of a key or value. */
    float get(boolean key, int sequence, int position, int head, int element) {
        int layer = layer(sequence, position);
        int row = row(key, head, position);
        int at = row * headSize + element;
        return switch (format) {
            case F32 -> bytes.getFloat(layer + 4 * at);
            case F16 -> Float.float16ToFloat(bytes.getShort(layer + 2 * at));
            case Q8_0 -> bytes.get(layer + at)
                    * Float.float16ToFloat(bytes.getShort(scale(layer, key, row, element)));
        };
    }

    /** Writes a key or value of (KV heads, head size), rounded to the format. */
    void put(boolean key, int sequence, int position, float[] heads, int offset) {
        int layer = layer(sequence, position);
        for (int head = 0; head < kvHeads; head++) {
            int row = row(key, head, position);
            int run = key ? KvFormat.GROUP_ELEMENTS : headSize;
            for (int first = 0; first < headSize; first += run) {
                int end = Math.min(headSize, first + run);
                float largest = 0;
                for (int i = first; i < end; i++) {
                    largest = Math.max(largest, Math.abs(heads[offset + head * headSize + i]));
                }
                short scale = Float.floatToFloat16(largest / 127);
                if (format == KvFormat.Q8_0) {
                    bytes.putShort(scale(layer, key, row, first), scale);
                }
                for (int i = first; i < end; i++) {
                    float value = heads[offset + head * headSize + i];
                    int at = row * headSize + i;
                    switch (format) {
                        case F32 -> bytes.putFloat(layer + 4 * at, value);
                        case F16 -> bytes.putShort(layer + 2 * at, Float.floatToFloat16(value));
                        case Q8_0 -> bytes.put(layer + at, (byte) Math.clamp(
                                Math.rint(value / Float.float16ToFloat(scale)), -127, 127));
                    }
                }
            }
        }
    }
}
