package dev.millrace.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A part of a {@code config.json} as transformers writes it; says what is wrong with it. */
final class HfConfig {

    private static final long MOST_BYTES = 16L << 20;
    private static final JsonMapper JSON = JsonMapper.shared();

    private final String source;
    private final String path;
    private final JsonNode node;

    private HfConfig(String source, String path, JsonNode node) {
        this.source = source;
        this.path = path;
        this.node = node;
    }

    /** @throws ModelException if there is no such file, or it is no JSON object */
    static HfConfig read(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new ModelException("there is no file " + file
                        + "; give the directory of a model that transformers wrote");
            }
            if (Files.size(file) > MOST_BYTES) {
                throw new ModelException(
                        file + " is larger than " + MOST_BYTES + " bytes, so it is no config");
            }
            JsonNode node = JSON.readTree(Files.readAllBytes(file));
            if (!node.isObject()) {
                throw new ModelException(file + " is no JSON object");
            }
            return new HfConfig(file.toString(), "", node);
        } catch (IOException e) {
            throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
        } catch (JacksonException e) {
            throw new ModelException(file + " is not JSON: " + e.getOriginalMessage(), e);
        }
    }

    /** This config with values for what it lacks, not for what it says is null. */
    HfConfig withDefaults(String defaults) {
        ObjectNode filled = (ObjectNode) JSON.readTree(defaults);
        filled.setAll((ObjectNode) node);
        return new HfConfig(source, path, filled);
    }

    /** Whether there is such a value, and it is not null. */
    boolean has(String key) {
        return node.hasNonNull(key);
    }

    /** The value itself; null if there is none. */
    JsonNode raw(String key) {
        return node.get(key);
    }

    /** An object within this one. */
    Optional<HfConfig> part(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (!node.get(key).isObject()) {
            throw wrong(key, "an object");
        }
        return Optional.of(new HfConfig(source, path + key + ".", node.get(key)));
    }

    Optional<String> text(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (!node.get(key).isString()) {
            throw wrong(key, "a text");
        }
        return Optional.of(node.get(key).stringValue());
    }

    boolean flag(String key, boolean fallback) {
        if (!has(key)) {
            return fallback;
        }
        if (!node.get(key).isBoolean()) {
            throw wrong(key, "true or false");
        }
        return node.get(key).booleanValue();
    }

    /** A count or an extent. */
    Optional<Integer> size(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        JsonNode value = node.get(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw wrong(key, "an integer from 1 to " + Integer.MAX_VALUE);
        }
        return Optional.of(value.intValue());
    }

    /** A token or a place, from 0. */
    Optional<Integer> index(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        JsonNode value = node.get(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 0
                || value.intValue() == Integer.MAX_VALUE) {
            throw wrong(key, "an integer from 0 to " + (Integer.MAX_VALUE - 1));
        }
        return Optional.of(value.intValue());
    }

    int requiredSize(String key) {
        return size(key).orElseThrow(() -> missing(key));
    }

    /** A positive factor or small constant. */
    Optional<Float> positive(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        JsonNode value = node.get(key);
        if (!value.isNumber() || !(value.doubleValue() > 0
                && value.doubleValue() <= Float.MAX_VALUE)) {
            throw wrong(key, "a finite number above 0");
        }
        return Optional.of((float) value.doubleValue());
    }

    float requiredPositive(String key) {
        return positive(key).orElseThrow(() -> missing(key));
    }

    /** A list of numbers above 0. */
    List<Float> positives(String key, int count) {
        if (!has(key)) {
            throw missing(key);
        }
        List<Float> values = new ArrayList<>();
        for (JsonNode value : list(key, count)) {
            if (!value.isNumber() || !(value.doubleValue() > 0
                    && value.doubleValue() <= Float.MAX_VALUE)) {
                throw wrong(key, count + " finite numbers above 0");
            }
            values.add((float) value.doubleValue());
        }
        return values;
    }

    /** A list of a known length. */
    JsonNode list(String key, int count) {
        JsonNode list = node.get(key);
        if (!list.isArray() || list.size() != count) {
            throw wrong(key, "a list of " + count);
        }
        return list;
    }

    ModelException missing(String key) {
        return new ModelException(source + " lacks " + path + key + ", which this model needs");
    }

    ModelException wrong(String key, String allowed) {
        String shown = String.valueOf(node.get(key)).replaceAll("\\p{Cntrl}", "?");
        return new ModelException(source + ": " + path + key + " is "
                + shown.substring(0, Math.min(80, shown.length())) + "; it must be " + allowed);
    }

    /** All values: String, Boolean, Long, Double or List; objects are taken apart by dots. */
    Map<String, Object> asMap() {
        Map<String, Object> values = new LinkedHashMap<>();
        collect("", node, values);
        return values;
    }

    private static void collect(String prefix, JsonNode object, Map<String, Object> values) {
        for (Map.Entry<String, JsonNode> entry : object.properties()) {
            if (entry.getValue().isObject()) {
                collect(prefix + entry.getKey() + ".", entry.getValue(), values);
            } else if (!entry.getValue().isNull()) {
                values.put(prefix + entry.getKey(), value(entry.getValue()));
            }
        }
    }

    private static Object value(JsonNode value) {
        if (value.isArray()) {
            List<Object> elements = new ArrayList<>();
            value.forEach(element -> elements.add(value(element)));
            return elements;
        }
        return value.isBoolean()
                ? value.booleanValue()
                : value.isIntegralNumber() && value.canConvertToLong()
                        ? (Object) value.longValue()
                        : value.isNumber() ? value.doubleValue() : value.asString();
    }
}
