package dev.millrace.models.gguf;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of a file before the weights. Reading it allocates no more than a small multiple of what
 * the file holds, whatever it declares.
 *
 * @param tensors by name, in file order
 */
record GgufHeader(int version, GgufMetadata metadata, Map<String, GgufTensor> tensors) {

    /** {@code GGUF} in the order of the file. */
    static final int MAGIC = 0x46554747;
    static final int MAX_METADATA_ENTRIES = 1 << 16;
    static final int MAX_TENSORS = 1 << 17;
    static final int MAX_KEY_BYTES = (1 << 16) - 1;
    static final int MAX_STRING_BYTES = 1 << 26;
    static final int MAX_TENSOR_NAME_BYTES = 64;
    static final int MAX_DIMENSIONS = 4;
    static final String ALIGNMENT_KEY = "general.alignment";
    static final long DEFAULT_ALIGNMENT_BYTES = 32;
    /** The format asks for a multiple of eight; so any element can be read where it lies. */
    static final long LEAST_ALIGNMENT_BYTES = 8;

    private static final int OLDEST_VERSION = 2;
    private static final int NEWEST_VERSION = 3;
    /** An empty key, a type and one byte of value. */
    private static final int LEAST_ENTRY_BYTES = 8 + 4 + 1;
    /** An empty name, one dimension, a type and an offset. */
    private static final int LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

    /** A tensor whose offset is still relative to the first byte after the header. */
    private record Declared(String name, GgufTensorType type, List<Long> dimensions, long offset,
            long bytes) {}

    static GgufHeader read(GgufCursor cursor, String source) {
        int version = readVersion(cursor);
        // The number of tensors comes before the number of entries, its items after theirs.
        int tensorCount = cursor.readCount(LEAST_TENSOR_BYTES, MAX_TENSORS, "tensors");
        int entryCount = cursor.readCount(LEAST_ENTRY_BYTES, MAX_METADATA_ENTRIES,
                "metadata entries");
        Map<String, Object> values = new LinkedHashMap<>();
        Map<String, GgufMetadata.Encoded> encoded = new LinkedHashMap<>();
        for (int i = 0; i < entryCount; i++) {
            readEntry(cursor, values, encoded);
        }
        GgufMetadata metadata = new GgufMetadata(source, values, encoded);
        long alignment = alignment(cursor, metadata);
        List<Declared> declared = new ArrayList<>();
        for (int i = 0; i < tensorCount; i++) {
            declared.add(readTensor(cursor, alignment));
        }
        return new GgufHeader(version, metadata, place(cursor, declared, alignment));
    }

    private static int readVersion(GgufCursor cursor) {
        int magic = cursor.readInt("the magic number");
        if (magic != MAGIC) {
            throw cursor.refuse(String.format(
                    "it starts with the bytes %08x, where a GGUF file has 47475546 (\"GGUF\")",
                    Integer.reverseBytes(magic)));
        }
        int version = cursor.readInt("the version");
        int swapped = Integer.reverseBytes(version);
        if (swapped >= 1 && swapped <= NEWEST_VERSION) {
            throw cursor.refuse("it is big-endian; only little-endian files are read");
        }
        if (version < OLDEST_VERSION || version > NEWEST_VERSION) {
            throw cursor.refuse("it is of version " + Integer.toUnsignedString(version)
                    + "; versions " + OLDEST_VERSION + " and " + NEWEST_VERSION + " are read");
        }
        return version;
    }

    private static void readEntry(GgufCursor cursor, Map<String, Object> values,
            Map<String, GgufMetadata.Encoded> encoded) {
        String key = cursor.readName(MAX_KEY_BYTES, "a metadata key");
        String what = "the metadata value " + GgufCursor.quote(key);
        int code = cursor.readInt("the type of " + what);
        GgufValueType type = GgufValueType.of(code).orElseThrow(() -> cursor.refuse(
                what + " is of the unknown type " + Integer.toUnsignedString(code)));
        MemorySegment rest = cursor.rest();
        long start = cursor.position();
        if (values.put(key, readValue(cursor, type, what)) != null) {
            throw cursor.refuse("the metadata key " + GgufCursor.quote(key)
                    + " appears twice; keys must be unique");
        }
        encoded.put(key, new GgufMetadata.Encoded(code,
                rest.asSlice(0, cursor.position() - start)));
    }

    private static Object readValue(GgufCursor cursor, GgufValueType type, String what) {
        return switch (type) {
            case UINT8 -> (long) (cursor.readByte(what) & 0xff);
            case INT8 -> (long) cursor.readByte(what);
            case UINT16 -> (long) (cursor.readShort(what) & 0xffff);
            case INT16 -> (long) cursor.readShort(what);
            case UINT32 -> cursor.readInt(what) & 0xffff_ffffL;
            case INT32 -> (long) cursor.readInt(what);
            case INT64 -> cursor.readLong(what);
            case UINT64 -> {
                long value = cursor.readLong(what);
                if (value < 0) {
                    throw cursor.refuse(what + " is " + Long.toUnsignedString(value)
                            + "; integers up to " + Long.MAX_VALUE + " are read");
                }
                yield value;
            }
            case FLOAT32 -> (double) Float.intBitsToFloat(cursor.readInt(what));
            case FLOAT64 -> Double.longBitsToDouble(cursor.readLong(what));
            case BOOL -> cursor.readBoolean(what);
            case STRING -> cursor.readString(MAX_STRING_BYTES, what);
            case ARRAY -> GgufArray.read(cursor, what);
        };
    }

    private static long alignment(GgufCursor cursor, GgufMetadata metadata) {
        long alignment = metadata.integer(ALIGNMENT_KEY).orElse(DEFAULT_ALIGNMENT_BYTES);
        if (alignment < LEAST_ALIGNMENT_BYTES || Long.bitCount(alignment) != 1) {
            throw cursor.refuse(ALIGNMENT_KEY + " is " + alignment
                    + "; it must be a power of two and at least " + LEAST_ALIGNMENT_BYTES);
        }
        return alignment;
    }

    private static Declared readTensor(GgufCursor cursor, long alignment) {
        String name = cursor.readName(MAX_TENSOR_NAME_BYTES, "a tensor's name");
        String what = "tensor " + GgufCursor.quote(name);
        int dimensionCount = cursor.readInt("the number of dimensions of " + what);
        if (dimensionCount < 1 || dimensionCount > MAX_DIMENSIONS) {
            throw cursor.refuse(what + " has " + Integer.toUnsignedString(dimensionCount)
                    + " dimensions; 1 to " + MAX_DIMENSIONS + " are allowed");
        }
        List<Long> dimensions = new ArrayList<>(dimensionCount);
        for (int d = 0; d < dimensionCount; d++) {
            dimensions.add(cursor.readLong("the dimensions of " + what));
        }
        int code = cursor.readInt("the type of " + what);
        GgufTensorType type = GgufTensorType.of(code).orElseThrow(() -> cursor.refuse(
                what + " is of the unknown type " + Integer.toUnsignedString(code)));
        if (type.removed()) {
            throw cursor.refuse(what + " is of type " + type + ", which GGUF has withdrawn;"
                    + " quantise the model again");
        }
        long offset = cursor.readLong("the offset of " + what);
        if (offset < 0 || offset % alignment != 0) {
            throw cursor.refuse(what + " starts at offset " + Long.toUnsignedString(offset)
                    + ", which is not a multiple of the alignment of " + alignment + " bytes");
        }
        return new Declared(name, type, dimensions, offset,
                tensorBytes(cursor, what, type, dimensions));
    }

    private static long tensorBytes(GgufCursor cursor, String what, GgufTensorType type,
            List<Long> dimensions) {
        long columns = dimensions.getFirst();
        if (dimensions.stream().anyMatch(extent -> extent <= 0)) {
            throw cursor.refuse(what + " has the dimensions " + dimensions
                    + "; each must be from 1 to 2^63 - 1");
        }
        if (columns % type.blockElements() != 0) {
            throw cursor.refuse(what + " has rows of " + columns + " elements; a row of " + type
                    + " must be a multiple of " + type.blockElements());
        }
        try {
            long bytes = Math.multiplyExact(columns / type.blockElements(),
                    (long) type.blockBytes());
            long elements = columns;
            for (long extent : dimensions.subList(1, dimensions.size())) {
                bytes = Math.multiplyExact(bytes, extent);
                elements = Math.multiplyExact(elements, extent);
            }
            return bytes;
        } catch (ArithmeticException overflow) {
            throw cursor.refuse(what + " has the dimensions " + dimensions
                    + ", whose product is beyond 2^63");
        }
    }

    /** Turns offsets into positions in the file and checks that the tensors fit and are apart. */
    private static Map<String, GgufTensor> place(GgufCursor cursor, List<Declared> declared,
            long alignment) {
        long dataStart = (cursor.position() + alignment - 1) & -alignment;
        long dataBytes = Math.max(0, cursor.position() + cursor.remaining() - dataStart);
        Map<String, GgufTensor> tensors = new LinkedHashMap<>();
        for (Declared tensor : declared) {
            String what = "tensor " + GgufCursor.quote(tensor.name);
            if (tensor.bytes > dataBytes || tensor.offset > dataBytes - tensor.bytes) {
                throw cursor.refuse(what + " takes " + tensor.bytes + " bytes from offset "
                        + tensor.offset + ", but the file holds " + dataBytes
                        + " bytes of tensors; it is truncated or damaged, so download it again");
            }
            if (tensors.put(tensor.name, new GgufTensor(tensor.name, tensor.type,
                    tensor.dimensions, dataStart + tensor.offset, tensor.bytes)) != null) {
                throw cursor.refuse(what + " appears twice; names must be unique");
            }
        }
        refuseOverlaps(cursor, tensors);
        return tensors;
    }

    private static void refuseOverlaps(GgufCursor cursor, Map<String, GgufTensor> tensors) {
        List<GgufTensor> inOrder = tensors.values().stream()
                .sorted(Comparator.comparingLong(GgufTensor::offset)).toList();
        for (int i = 1; i < inOrder.size(); i++) {
            GgufTensor before = inOrder.get(i - 1);
            GgufTensor after = inOrder.get(i);
            if (after.offset() < before.offset() + before.bytes()) {
                throw cursor.refuse("the tensors " + GgufCursor.quote(before.name()) + " and "
                        + GgufCursor.quote(after.name()) + " overlap at byte " + after.offset());
            }
        }
    }
}
