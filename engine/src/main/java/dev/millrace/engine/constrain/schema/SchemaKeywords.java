package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.GrammarException;
import java.math.BigDecimal;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Which keywords are enforced. Those that would have to be and cannot are refused by name; what is
 * left says nothing about a value (titles, descriptions, examples) or is unknown to the standard.
 */
final class SchemaKeywords {

    private static final Set<String> REFUSED = Set.of("not", "if", "then", "else", "contains",
            "minContains", "maxContains", "dependentRequired",
            "dependentSchemas", "dependencies", "unevaluatedItems", "unevaluatedProperties",
            "additionalItems", "$dynamicRef", "$recursiveRef");

    static final Set<String> STRING = Set.of("minLength", "maxLength", "pattern", "format");
    static final Set<String> NUMBER = Set.of("minimum", "maximum", "exclusiveMinimum",
            "exclusiveMaximum", "multipleOf");
    static final Set<String> ARRAY = Set.of("items", "prefixItems", "minItems", "maxItems");
    static final Set<String> OBJECT = Set.of("properties", "required", "additionalProperties",
            "propertyNames", "minProperties", "maxProperties");

    private SchemaKeywords() {}

    /** @throws GrammarException if it has a keyword that cannot be enforced */
    static void requireSupported(JsonNode schema, String path, boolean root) {
        schema.properties().forEach(entry -> {
            if (isRefused(entry.getKey(), entry.getValue())) {
                throw new GrammarException(path + "." + entry.getKey() + " is not supported: this"
                        + " server cannot enforce it while it generates; leave it out");
            }
        });
        if (!root && schema.has("$id")) {
            throw new GrammarException(path + ".$id is supported at the root only");
        }
    }

    private static boolean isRefused(String keyword, JsonNode value) {
        return switch (keyword) {
            case "uniqueItems" -> !value.isBoolean() || value.booleanValue();
            case "patternProperties" -> !value.isObject() || !value.isEmpty();
            default -> REFUSED.contains(keyword);
        };
    }

    /** A count; {@code otherwise} where the keyword is absent. */
    static int count(JsonNode schema, String keyword, int otherwise, String path) {
        JsonNode node = schema.get(keyword);
        if (node == null) {
            return otherwise;
        }
        if (!node.isNumber() || !JsonType.isWhole(JsonType.number(node))
                || JsonType.number(node).signum() < 0) {
            throw new GrammarException(path + "." + keyword
                    + " must be a whole number, not negative, got " + shown(node));
        }
        return JsonType.number(node).min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValue();
    }

    /** A number, or null where the keyword is absent. */
    static BigDecimal number(JsonNode schema, String keyword, String path) {
        JsonNode node = schema.get(keyword);
        if (node == null) {
            return null;
        }
        if (!node.isNumber()) {
            throw new GrammarException(path + "." + keyword + " must be a number, got "
                    + shown(node));
        }
        BigDecimal number = JsonType.number(node).stripTrailingZeros();
        if (number.signum() != 0
                && (number.precision() - number.scale() > SchemaLimits.NUMBER_DIGITS
                        || number.scale() > SchemaLimits.NUMBER_DIGITS)) {
            throw new GrammarException(path + "." + keyword + " must have at most "
                    + SchemaLimits.NUMBER_DIGITS + " digits before and after the point, got "
                    + shown(node));
        }
        return number;
    }

    static String text(JsonNode node, String path) {
        if (!node.isString()) {
            throw new GrammarException(path + " must be a string, got " + shown(node));
        }
        return node.stringValue();
    }

    static JsonNode array(JsonNode node, String path) {
        if (!node.isArray()) {
            throw new GrammarException(path + " must be an array, got " + shown(node));
        }
        return node;
    }

    static JsonNode object(JsonNode node, String path) {
        if (!node.isObject()) {
            throw new GrammarException(path + " must be an object, got " + shown(node));
        }
        return node;
    }

    static String shown(JsonNode node) {
        String text = node.toString();
        return text.length() <= 60 ? text : text.substring(0, 60) + "...";
    }
}
