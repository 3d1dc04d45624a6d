package dev.millrace.models.gguf;

import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** A file's keys and values, with typed access that says which key is missing or wrong. */
public final class GgufMetadata {

    private final String source;
    private final Map<String, Object> values;
    private final Map<String, Encoded> encoded;

    /**
     * A value where it lies in the file.
     *
     * @param type the number of its type
     */
    record Encoded(int type, MemorySegment bytes) {}

    GgufMetadata(String source, Map<String, Object> values, Map<String, Encoded> encoded) {
        this.source = source;
        this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
        this.encoded = encoded;
    }

    /** All values in file order: String, Boolean, Long, Double or {@link GgufArray}. */
    public Map<String, Object> asMap() {
        return values;
    }

    /** Copies the wanted entries to a file that is to be written, as they are. */
    public void copyTo(GgufEntries target, Predicate<String> wantedKey) {
        encoded.forEach((key, value) -> {
            if (wantedKey.test(key)) {
                target.entry(key, value.type, value.bytes.toArray(LittleEndian.BYTE));
            }
        });
    }

    public boolean has(String key) {
        return values.containsKey(key);
    }

    /** @throws GgufException if the value is not a string */
    public Optional<String> string(String key) {
        return typed(key, String.class, "a string");
    }

    /** @throws GgufException if the value is absent or not a string */
    public String requiredString(String key) {
        return string(key).orElseThrow(() -> missing(key));
    }

    /** @throws GgufException if the value is not a boolean */
    public boolean flag(String key, boolean fallback) {
        return typed(key, Boolean.class, "true or false").orElse(fallback);
    }

    /** @throws GgufException if the value is not an array */
    public Optional<GgufArray> array(String key) {
        return typed(key, GgufArray.class, "an array");
    }

    /** @throws GgufException if the value is not an integer */
    public Optional<Long> integer(String key) {
        return typed(key, Long.class, "an integer");
    }

    /**
     * A count or an extent.
     *
     * @throws GgufException if the value is absent or not an integer from 1 to 2^31 - 1
     */
    public int requiredSize(String key) {
        return size(key).orElseThrow(() -> missing(key));
    }

    /**
     * A count or an extent.
     *
     * @throws GgufException if the value is not an integer from 1 to 2^31 - 1
     */
    public Optional<Integer> size(String key) {
        Optional<Long> value = integer(key);
        if (value.isPresent() && (value.get() < 1 || value.get() > Integer.MAX_VALUE)) {
            throw wrong(key, value.get(), "an integer from 1 to " + Integer.MAX_VALUE);
        }
        return value.map(Long::intValue);
    }

    /**
     * A positive factor or small constant.
     *
     * @throws GgufException if the value is not a finite number above zero
     */
    public Optional<Float> positive(String key) {
        Optional<Double> value = typed(key, Double.class, "a floating-point number");
        if (value.isPresent() && !(value.get() > 0 && value.get() <= Float.MAX_VALUE)) {
            throw wrong(key, value.get(), "a finite number above 0");
        }
        return value.map(Double::floatValue);
    }

    /** What to throw where the file lacks a key that the model needs. */
    public GgufException missing(String key) {
        return new GgufException(source + " lacks the metadata key " + key
                + ", which this model needs; the file is incomplete, so convert it again");
    }

    /** What to throw where a value is not what the model needs. */
    public GgufException wrong(String key, Object value, String allowed) {
        String shown = value instanceof GgufArray array
                ? "an array of " + array.size() + " " + array.elementType()
                : value instanceof String text ? GgufCursor.quote(text) : String.valueOf(value);
        return new GgufException(source + ": the metadata key " + key + " is " + shown
                + "; it must be " + allowed);
    }

    private <T> Optional<T> typed(String key, Class<T> type, String allowed) {
        Object value = values.get(key);
        if (value != null && !type.isInstance(value)) {
            throw wrong(key, value, allowed);
        }
        return Optional.ofNullable(type.cast(value));
    }
}
