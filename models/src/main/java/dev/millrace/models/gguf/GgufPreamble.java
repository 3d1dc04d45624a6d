package dev.millrace.models.gguf;

import java.nio.ByteBuffer;

/** Encodes the fixed parts of a header; what they declare is the caller's to get right. */
public final class GgufPreamble {

    /** Bytes of {@link #start}. */
    public static final int START_BYTES = 24;
    /** The magic number of a sound file. */
    public static final int MAGIC = GgufHeader.MAGIC;

    private GgufPreamble() {}

    /** The first bytes of a file. */
    public static byte[] start(int magic, int version, long tensors, long entries) {
        return GgufEntries.little(START_BYTES).putInt(magic).putInt(version).putLong(tensors)
                .putLong(entries).array();
    }

    /**
     * What a header says about one tensor.
     *
     * @param type       the number of its type
     * @param offset     of its first byte from the first tensor's
     * @param dimensions extents, the fastest-moving first
     */
    public static byte[] tensor(String name, int type, long offset, long... dimensions) {
        byte[] nameBytes = GgufEntries.text(name);
        ByteBuffer info = GgufEntries.little(nameBytes.length + 4 + 8 * dimensions.length + 12);
        info.put(nameBytes).putInt(dimensions.length);
        for (long extent : dimensions) {
            info.putLong(extent);
        }
        return info.putInt(type).putLong(offset).array();
    }
}
