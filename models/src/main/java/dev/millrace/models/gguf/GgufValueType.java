package dev.millrace.models.gguf;

import java.util.Optional;

/** The types of metadata values, with the bytes that a value takes at least. */
public enum GgufValueType {
    UINT8(1),
    INT8(1),
    UINT16(2),
    INT16(2),
    UINT32(4),
    INT32(4),
    FLOAT32(4),
    BOOL(1),
    /** A 64-bit length, then that many bytes of UTF-8. */
    STRING(8),
    /** An element type, a 64-bit count, then the elements. */
    ARRAY(12),
    UINT64(8),
    INT64(8),
    FLOAT64(8);

    private static final GgufValueType[] BY_CODE = values();

    private final int leastBytes;

    GgufValueType(int leastBytes) {
        this.leastBytes = leastBytes;
    }

    /** The type with this number, or empty if the format has none. */
    static Optional<GgufValueType> of(int code) {
        return code >= 0 && code < BY_CODE.length ? Optional.of(BY_CODE[code]) : Optional.empty();
    }

    /** The number that stands for this type in a file. */
    public int code() {
        return ordinal();
    }

    /** Bytes of a value; for a string or an array, of its header. */
    int leastBytes() {
        return leastBytes;
    }
}
