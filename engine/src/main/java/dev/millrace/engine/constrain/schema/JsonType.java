package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.GrammarException;
import java.math.BigDecimal;
import java.util.EnumSet;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** The types of JSON Schema; numbers are two, so that {@code number} is both of them. */
enum JsonType {
    NULL,
    BOOLEAN,
    INTEGER,
    FRACTION,
    STRING,
    ARRAY,
    OBJECT;

    /** The types that a schema's word means; empty for an unknown word. */
    static Set<JsonType> named(String word) {
        return switch (word) {
            case "null" -> EnumSet.of(NULL);
            case "boolean" -> EnumSet.of(BOOLEAN);
            case "integer" -> EnumSet.of(INTEGER);
            case "number" -> EnumSet.of(INTEGER, FRACTION);
            case "string" -> EnumSet.of(STRING);
            case "array" -> EnumSet.of(ARRAY);
            case "object" -> EnumSet.of(OBJECT);
            default -> EnumSet.noneOf(JsonType.class);
        };
    }

    static JsonType of(JsonNode value) {
        return switch (value.getNodeType()) {
            case NULL -> NULL;
            case BOOLEAN -> BOOLEAN;
            case STRING -> STRING;
            case ARRAY -> ARRAY;
            case OBJECT -> OBJECT;
            default -> isWhole(number(value)) ? INTEGER : FRACTION;
        };
    }

    /** A number's value. @throws GrammarException if it is too large to have one */
    static BigDecimal number(JsonNode value) {
        if (value.isFloatingPointNumber() && !value.isBigDecimal()
                && !Double.isFinite(value.doubleValue())) {
            throw new GrammarException("the schema has a number that is too large");
        }
        return value.decimalValue();
    }

    static boolean isWhole(BigDecimal number) {
        return number.stripTrailingZeros().scale() <= 0;
    }
}
