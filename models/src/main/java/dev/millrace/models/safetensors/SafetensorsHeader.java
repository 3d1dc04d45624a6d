package dev.millrace.models.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * The part of a file before the tensors: its length in eight bytes, then JSON. Reading it allocates
 * no more than a small multiple of what the file holds, whatever it declares.
 */
final class SafetensorsHeader {

    static final int LENGTH_BYTES = 8;
    /** The limit of the format's own library. */
    static final long MOST_HEADER_BYTES = 100_000_000;
    static final int MOST_TENSORS = 1 << 19;
    static final int MOST_DIMENSIONS = 8;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final String METADATA_KEY = "__metadata__";

    private final String source;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, SafetensorsTensor> tensors = new LinkedHashMap<>();
    private final long dataStart;
    private final long dataBytes;

    /** @throws SafetensorsException if anything in the file is not as the format says */
    SafetensorsHeader(MemorySegment file, String source) {
        this.source = source;
        if (file.byteSize() < LENGTH_BYTES) {
            throw refuse("it has " + file.byteSize() + " bytes, where the header's length alone"
                    + " takes " + LENGTH_BYTES);
        }
        long headerBytes = file.get(LONG, 0);
        long rest = file.byteSize() - LENGTH_BYTES;
        if (headerBytes < 0 || headerBytes > rest) {
            throw refuse("it declares a header of " + Long.toUnsignedString(headerBytes)
                    + " bytes, but " + rest + " follow; it is no safetensors file, or truncated");
        }
        if (headerBytes > MOST_HEADER_BYTES) {
            throw refuse("its header has " + headerBytes + " bytes; at most "
                    + MOST_HEADER_BYTES + " are allowed");
        }
        dataStart = LENGTH_BYTES + headerBytes;
        dataBytes = file.byteSize() - dataStart;
        byte[] json = file.asSlice(LENGTH_BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE);
        if (json.length == 0 || json[0] != '{') {
            throw refuse("its header does not start with {");
        }
        try (JsonParser parser = StrictJson.parser(json)) {
            readAll(parser);
        } catch (JacksonException e) {
            throw new SafetensorsException(source + " is not a sound safetensors file: its header"
                    + " is not JSON as the format has it: " + e.getOriginalMessage(), e);
        }
        refuseGapsAndOverlaps();
    }

    Map<String, String> metadata() {
        return metadata;
    }

    Map<String, SafetensorsTensor> tensors() {
        return tensors;
    }

    private void readAll(JsonParser parser) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = parser.currentName();
            expect(parser, JsonToken.START_OBJECT, Quoted.text(name));
            if (name.equals(METADATA_KEY)) {
                readMetadata(parser);
            } else {
                tensors.put(name, readTensor(parser, name));
                if (tensors.size() > MOST_TENSORS) {
                    throw refuse("it has more than " + MOST_TENSORS + " tensors");
                }
            }
        }
        if (parser.nextToken() != null) {
            throw refuse("something follows the header's last brace");
        }
    }

    private void readMetadata(JsonParser parser) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String key = parser.currentName();
            expect(parser, JsonToken.VALUE_STRING, "the metadata " + Quoted.text(key));
            metadata.put(key, parser.getString());
        }
    }

    private SafetensorsTensor readTensor(JsonParser parser, String name) {
        String what = "tensor " + Quoted.text(name);
        SafetensorsType type = null;
        List<Long> dimensions = null;
        List<Long> offsets = null;
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            switch (parser.currentName()) {
                case "dtype" -> type = readType(parser, what);
                case "shape" -> dimensions = readNumbers(parser, "the shape of " + what,
                        MOST_DIMENSIONS);
                case "data_offsets" -> offsets = readNumbers(parser, "the offsets of " + what, 2);
                default -> throw refuse(what + " has the unknown property "
                        + Quoted.text(parser.currentName())
                        + "; dtype, shape and data_offsets are known");
            }
        }
        if (type == null || dimensions == null || offsets == null || offsets.size() != 2) {
            throw refuse(what + " needs a dtype, a shape and two data_offsets");
        }
        long start = offsets.get(0);
        long end = offsets.get(1);
        if (start > end || end > dataBytes) {
            throw refuse(what + " lies from byte " + start + " to " + end + " of the " + dataBytes
                    + " bytes of tensors; it is truncated or damaged, so download it again");
        }
        long bytes = bytes(what, type, dimensions);
        if (bytes != end - start) {
            throw refuse(what + " is " + dimensions + " of " + type + ", which takes " + bytes
                    + " bytes, but " + (end - start) + " are its own");
        }
        return new SafetensorsTensor(name, type, dimensions, dataStart + start, bytes);
    }

    private SafetensorsType readType(JsonParser parser, String what) {
        expect(parser, JsonToken.VALUE_STRING, "the dtype of " + what);
        String name = parser.getString();
        return SafetensorsType.of(name).orElseThrow(() -> refuse(what + " is of the dtype "
                + Quoted.text(name) + "; read are " + SafetensorsType.names()));
    }

    private List<Long> readNumbers(JsonParser parser, String what, int most) {
        expect(parser, JsonToken.START_ARRAY, what);
        List<Long> numbers = new ArrayList<>();
        while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
            if (numbers.size() == most) {
                throw refuse(what + " has more than " + most + " numbers");
            }
            long number = parser.getLongValue();
            if (number < 0) {
                throw refuse(what + " has the number " + number + "; each must be 0 or more");
            }
            numbers.add(number);
        }
        if (parser.currentToken() != JsonToken.END_ARRAY) {
            throw refuse(what + " has something other than whole numbers");
        }
        return numbers;
    }

    private void expect(JsonParser parser, JsonToken expected, String what) {
        JsonToken found = parser.nextToken();
        if (found != expected) {
            throw refuse(what + " is not what the format has there (" + found + " instead of "
                    + expected + ")");
        }
    }

    private long bytes(String what, SafetensorsType type, List<Long> dimensions) {
        if (dimensions.contains(0L)) {
            return 0;
        }
        try {
            long bytes = type.elementBytes();
            for (long extent : dimensions) {
                bytes = Math.multiplyExact(bytes, extent);
            }
            return bytes;
        } catch (ArithmeticException overflow) {
            throw refuse(what + " has the shape " + dimensions
                    + ", whose product is beyond 2^63");
        }
    }

    /** Every byte belongs to one tensor: so says the format, and nothing can hide between them. */
    private void refuseGapsAndOverlaps() {
        List<SafetensorsTensor> inOrder = tensors.values().stream()
                .sorted(Comparator.comparingLong(SafetensorsTensor::offset)
                        .thenComparingLong(SafetensorsTensor::bytes))
                .toList();
        long end = dataStart;
        for (SafetensorsTensor tensor : inOrder) {
            if (tensor.offset() != end) {
                throw refuse("tensor " + Quoted.text(tensor.name()) + " starts at byte "
                        + tensor.offset() + ", but the one before it ends at byte " + end
                        + "; tensors lie one after the other");
            }
            end = tensor.offset() + tensor.bytes();
        }
        if (end != dataStart + dataBytes) {
            throw refuse("its last " + (dataStart + dataBytes - end)
                    + " bytes belong to no tensor");
        }
    }

    private SafetensorsException refuse(String problem) {
        return new SafetensorsException(source + " is not a sound safetensors file: " + problem);
    }
}
