package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.TextMatcher;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Values as JSON Schema compares them: numbers by what they are, members in any order. */
final class JsonValues {

    private JsonValues() {}

    /** The values that are in both lists; a list that is null has them all. */
    static List<JsonNode> common(List<JsonNode> some, List<JsonNode> others) {
        if (some == null) {
            return others;
        }
        Set<Object> wanted = new HashSet<>();
        others.forEach(value -> wanted.add(key(value)));
        return some.stream().filter(value -> wanted.contains(key(value))).toList();
    }

    /** Equal for equal values only. */
    static Object key(JsonNode value) {
        if (value.isNumber()) {
            return JsonType.number(value).stripTrailingZeros();
        }
        if (value.isArray()) {
            return value.values().stream().map(JsonValues::key).toList();
        }
        if (value.isObject()) {
            Set<Object> members = new HashSet<>();
            value.properties().forEach(
                    entry -> members.add(Map.entry(entry.getKey(), key(entry.getValue()))));
            return members;
        }
        return value;
    }

    /** The shape's values that the rest of it allows. */
    static List<JsonNode> allowed(Shape shape) {
        TextMatcher strings = shape.saysNothingOfStrings()
                ? null
                : new TextMatcher(Grammar.of(StringShapes.plain(shape)));
        List<JsonNode> allowed = new ArrayList<>();
        for (JsonNode value : shape.values) {
            JsonType type = JsonType.of(value);
            boolean holds = shape.types.contains(type) && switch (type) {
                case NULL, BOOLEAN -> true;
                case INTEGER, FRACTION -> holds(JsonType.number(value), shape);
                case STRING -> strings == null || strings.matches(value.stringValue());
                case ARRAY -> require(shape.saysNothingOfArrays());
                case OBJECT -> require(shape.saysNothingOfObjects());
            };
            if (holds) {
                allowed.add(value);
            }
        }
        return allowed;
    }

    private static boolean require(boolean sayNothing) {
        if (!sayNothing) {
            throw new GrammarException("enum or const with an array or object cannot be combined"
                    + " with keywords about its elements or members");
        }
        return true;
    }

    private static boolean holds(BigDecimal number, Shape shape) {
        if (shape.minimum != null) {
            int order = number.compareTo(shape.minimum);
            if (order < 0 || order == 0 && shape.minimumExcluded) {
                return false;
            }
        }
        if (shape.maximum != null) {
            int order = number.compareTo(shape.maximum);
            if (order > 0 || order == 0 && shape.maximumExcluded) {
                return false;
            }
        }
        return shape.factors.stream()
                .allMatch(factor -> number.remainder(factor).signum() == 0);
    }
}
