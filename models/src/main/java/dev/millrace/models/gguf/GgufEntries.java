package dev.millrace.models.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Metadata to be written to a file: encoded as it is added, kept in that order. */
public final class GgufEntries {

    private record Entry(String key, byte[] bytes) {}

    private final List<Entry> entries = new ArrayList<>();

    public GgufEntries string(String key, String value) {
        return entry(key, GgufValueType.STRING.code(), text(value));
    }

    public GgufEntries uint32(String key, long value) {
        return entry(key, GgufValueType.UINT32.code(), little(4).putInt((int) value).array());
    }

    public GgufEntries uint64(String key, long value) {
        return entry(key, GgufValueType.UINT64.code(), little(8).putLong(value).array());
    }

    public GgufEntries float32(String key, float value) {
        return entry(key, GgufValueType.FLOAT32.code(), little(4).putFloat(value).array());
    }

    public GgufEntries bool(String key, boolean value) {
        return entry(key, GgufValueType.BOOL.code(), new byte[]{(byte) (value ? 1 : 0)});
    }

    public GgufEntries strings(String key, List<String> values) {
        ByteArrayOutputStream elements = new ByteArrayOutputStream();
        values.forEach(value -> elements.writeBytes(text(value)));
        return array(key, GgufValueType.STRING.code(), values.size(), elements.toByteArray());
    }

    public GgufEntries float32s(String key, float... values) {
        ByteBuffer elements = little(4 * values.length);
        elements.asFloatBuffer().put(values);
        return array(key, GgufValueType.FLOAT32.code(), values.length, elements.array());
    }

    public GgufEntries int32s(String key, int... values) {
        ByteBuffer elements = little(4 * values.length);
        elements.asIntBuffer().put(values);
        return array(key, GgufValueType.INT32.code(), values.length, elements.array());
    }

    /** An array of a type by its number, over elements that are encoded already. */
    public GgufEntries array(String key, int elementType, long count, byte[] elements) {
        return entry(key, GgufValueType.ARRAY.code(), little(12 + elements.length)
                .putInt(elementType).putLong(count).put(elements).array());
    }

    /** An entry of a type by its number, over a value that is encoded already. */
    public GgufEntries entry(String key, int type, byte[] value) {
        byte[] keyBytes = text(key);
        entries.add(new Entry(key, little(keyBytes.length + 4 + value.length).put(keyBytes)
                .putInt(type).put(value).array()));
        return this;
    }

    /**
     * Takes an entry out again.
     *
     * @throws IllegalArgumentException if there is none with this key
     */
    public GgufEntries remove(String key) {
        if (!entries.removeIf(entry -> entry.key.equals(key))) {
            throw new IllegalArgumentException("there is no entry " + key);
        }
        return this;
    }

    /** How many entries there are. */
    public int size() {
        return entries.size();
    }

    /** All entries as a file holds them, without their number. */
    public byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        entries.forEach(entry -> bytes.writeBytes(entry.bytes));
        return bytes.toByteArray();
    }

    /** A string as a file holds it: its length, then its UTF-8. */
    static byte[] text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return little(8 + bytes.length).putLong(bytes.length).put(bytes).array();
    }

    static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
