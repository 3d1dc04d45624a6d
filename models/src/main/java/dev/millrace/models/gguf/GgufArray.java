package dev.millrace.models.gguf;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * An array among the metadata, read where it lies: a vocabulary of 100,000 strings costs one offset
 * each until somebody asks for them. Valid until the file is closed.
 */
public final class GgufArray extends AbstractList<Object> implements RandomAccess {

    /** Far beyond any vocabulary; each costs eight bytes of heap. */
    static final int MAX_STRINGS = 1 << 24;

    private final GgufValueType elementType;
    private final int size;
    private final MemorySegment elements;
    /** Where each string's length starts within {@link #elements}; null for other types. */
    private final long[] stringOffsets;

    private GgufArray(GgufValueType elementType, int size, MemorySegment elements,
            long[] stringOffsets) {
        this.elementType = elementType;
        this.size = size;
        this.elements = elements;
        this.stringOffsets = stringOffsets;
    }

    /** Reads an array's header and checks that all its elements lie inside the file. */
    static GgufArray read(GgufCursor cursor, String what) {
        int code = cursor.readInt("the element type of " + what);
        GgufValueType type = GgufValueType.of(code).orElseThrow(() -> cursor.refuse(what
                + " has elements of the unknown type " + Integer.toUnsignedString(code)));
        if (type == GgufValueType.ARRAY) {
            throw cursor.refuse(what + " is an array of arrays, which no model needs");
        }
        int limit = type == GgufValueType.STRING ? MAX_STRINGS : Integer.MAX_VALUE;
        int size = cursor.readCount(type.leastBytes(), limit, "elements of " + what);
        if (type != GgufValueType.STRING) {
            MemorySegment elements = cursor.take((long) size * type.leastBytes(), what);
            return new GgufArray(type, size, elements, null);
        }
        MemorySegment rest = cursor.rest();
        long start = cursor.position();
        long[] offsets = new long[size];
        for (int i = 0; i < size; i++) {
            offsets[i] = cursor.position() - start;
            cursor.readStringBytes(GgufHeader.MAX_STRING_BYTES, "a string of " + what);
        }
        return new GgufArray(type, size, rest.asSlice(0, cursor.position() - start), offsets);
    }

    public GgufValueType elementType() {
        return elementType;
    }

    @Override
    public int size() {
        return size;
    }

    /** A String, Boolean, Long or Double; unsigned 64-bit values beyond a long wrap around. */
    @Override
    public Object get(int index) {
        long at = offset(index);
        return switch (elementType) {
            case UINT8 -> (long) (elements.get(LittleEndian.BYTE, at) & 0xff);
            case INT8 -> (long) elements.get(LittleEndian.BYTE, at);
            case UINT16 -> (long) (elements.get(LittleEndian.SHORT, at) & 0xffff);
            case INT16 -> (long) elements.get(LittleEndian.SHORT, at);
            case UINT32 -> elements.get(LittleEndian.INT, at) & 0xffff_ffffL;
            case INT32 -> (long) elements.get(LittleEndian.INT, at);
            case UINT64, INT64 -> elements.get(LittleEndian.LONG, at);
            case FLOAT32 -> (double) elements.get(LittleEndian.FLOAT, at);
            case FLOAT64 -> elements.get(LittleEndian.DOUBLE, at);
            case BOOL -> elements.get(LittleEndian.BYTE, at) != 0;
            case STRING -> new String(bytes(index), StandardCharsets.UTF_8);
            case ARRAY -> throw new IllegalStateException("nested arrays are refused on reading");
        };
    }

    /** The bytes of a string as the file has them, which need not be whole characters. */
    public byte[] bytes(int index) {
        if (elementType != GgufValueType.STRING) {
            throw new IllegalArgumentException("an array of " + elementType + " has no strings");
        }
        long at = offset(index);
        return elements.asSlice(at + Long.BYTES, elements.get(LittleEndian.LONG, at))
                .toArray(LittleEndian.BYTE);
    }

    private long offset(int index) {
        Objects.checkIndex(index, size);
        return stringOffsets != null
                ? stringOffsets[index]
                : (long) index * elementType.leastBytes();
    }
}
