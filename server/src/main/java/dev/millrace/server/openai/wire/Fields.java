package dev.millrace.server.openai.wire;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One JSON object, read field by field with types and bounds; every complaint names the field by
 * its path. JSON null counts as absent, as it does for OpenAI.
 */
public final class Fields {

    private static final int SHOWN_CHARS = 60;

    private final ObjectNode object;
    private final String prefix;

    public Fields(ObjectNode object) {
        this(object, "");
    }

    private Fields(ObjectNode object, String prefix) {
        this.object = object;
        this.prefix = prefix;
    }

    /** Reads {@code node}, found at {@code path}, as an object. */
    public static Fields of(JsonNode node, String path) {
        if (node instanceof ObjectNode object) {
            return new Fields(object, path + ".");
        }
        throw ApiException.wrongType(path, "an object", shown(node));
    }

    /** The field's path from the root of the body. */
    public String path(String name) {
        return prefix + name;
    }

    /** The field, or null if it is absent or null. */
    public JsonNode find(String name) {
        JsonNode node = object.get(name);
        return node == null || node.isNull() ? null : node;
    }

    public JsonNode require(String name) {
        JsonNode node = find(name);
        if (node == null) {
            throw ApiException.missing(path(name));
        }
        return node;
    }

    public boolean has(String name) {
        return find(name) != null;
    }

    public Set<Map.Entry<String, JsonNode>> all() {
        return object.properties();
    }

    public String text(String name) {
        return text(require(name), path(name));
    }

    public String text(String name, String otherwise) {
        return has(name) ? text(name) : otherwise;
    }

    public boolean flag(String name, boolean otherwise) {
        JsonNode node = find(name);
        if (node == null) {
            return otherwise;
        }
        if (!node.isBoolean()) {
            throw ApiException.wrongType(path(name), "true or false", shown(node));
        }
        return node.booleanValue();
    }

    /** The number, or {@code otherwise} if absent; both ends are allowed. */
    public double number(String name, double least, double most, double otherwise) {
        JsonNode node = find(name);
        return node == null ? otherwise : number(node, path(name), least, most);
    }

    /** The whole number, or {@code otherwise} if absent; both ends are allowed. */
    public long integer(String name, long least, long most, long otherwise) {
        JsonNode node = find(name);
        return node == null ? otherwise : integer(node, path(name), least, most);
    }

    /** The object in this field, or null if absent. */
    public Fields object(String name) {
        JsonNode node = find(name);
        return node == null ? null : of(node, path(name));
    }

    /** The array's elements; empty if absent. */
    public List<JsonNode> array(String name, int most) {
        JsonNode node = find(name);
        return node == null ? List.of() : array(node, path(name), most);
    }

    public static List<JsonNode> array(JsonNode node, String path, int most) {
        if (!node.isArray()) {
            throw ApiException.wrongType(path, "an array", shown(node));
        }
        if (node.size() > most) {
            throw ApiException.invalid(path, path + " may have at most " + most
                    + " elements, got " + node.size());
        }
        return new ArrayList<>(node.values());
    }

    /** Text without unpaired surrogates, which no tokenizer could spell in UTF-8. */
    public static String text(JsonNode node, String path) {
        if (!node.isString()) {
            throw ApiException.wrongType(path, "a string", shown(node));
        }
        String text = node.stringValue();
        for (int i = 0; i < text.length(); i++) {
            char unit = text.charAt(i);
            if (Character.isHighSurrogate(unit) && i + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(unit)) {
                throw ApiException.invalid(path, path
                        + " has half of a surrogate pair at character " + i
                        + ", which is no Unicode text");
            }
        }
        return text;
    }

    public static double number(JsonNode node, String path, double least, double most) {
        if (!node.isNumber()) {
            throw ApiException.wrongType(path, "a number", shown(node));
        }
        double value = node.doubleValue(Double.NaN);
        if (!(value >= least && value <= most)) {
            throw ApiException.invalid(path, path + " must be between " + plain(least) + " and "
                    + plain(most) + ", got " + shown(node));
        }
        return value;
    }

    public static long integer(JsonNode node, String path, long least, long most) {
        if (!node.isIntegralNumber()) {
            throw ApiException.wrongType(path, "a whole number", shown(node));
        }
        if (!node.canConvertToLong() || node.longValue() < least || node.longValue() > most) {
            throw ApiException.invalid(path, path + " must be between " + least + " and " + most
                    + ", got " + shown(node));
        }
        return node.longValue();
    }

    /** A value as it may be quoted in a message: its JSON, cut short. */
    public static String shown(JsonNode node) {
        if (node.isContainer()) {
            return kind(node);
        }
        return shown(Json.text(node));
    }

    /** A client's text as it may be quoted in a message: cut short. */
    public static String shown(String text) {
        return text.length() <= SHOWN_CHARS ? text : text.substring(0, SHOWN_CHARS) + "...";
    }

    public static String kind(JsonNode node) {
        String type = node.getNodeType().name().toLowerCase(Locale.ROOT);
        return switch (node.getNodeType()) {
            case NULL -> type;
            case ARRAY, OBJECT -> "an " + type;
            default -> "a " + type;
        };
    }

    private static String plain(double bound) {
        return bound == Math.rint(bound) ? Long.toString((long) bound) : Double.toString(bound);
    }

    /** The object as JSON. */
    @Override
    public String toString() {
        return object.toString();
    }
}
