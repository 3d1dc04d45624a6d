package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** How the value of a member is to be taken that stands without quotes. */
public enum MemberKind {

    /** As text. */
    TEXT,
    /** As text, if it is not {@code null}. */
    TEXT_OR_NULL,
    /** As JSON. */
    JSON,
    /** As JSON if it is some, and as text otherwise. */
    ANY;

    boolean isText() {
        return this != JSON;
    }

    /** Of the members that a schema names; empty for a schema that cannot be enforced. */
    public static Map<String, MemberKind> named(JsonNode schema) {
        Map<String, MemberKind> kinds = new HashMap<>();
        try {
            SchemaReader reader = new SchemaReader(schema);
            for (Shape shape : reader.expand(List.of(new Subschema(schema, "schema")))) {
                shape.namedMembers().forEach((name, schemas) -> kinds.merge(name,
                        of(reader.expand(schemas)), (some, other) -> some == other ? some : ANY));
            }
            return Map.copyOf(kinds);
        } catch (GrammarException e) {
            return Map.of();
        }
    }

    static MemberKind of(List<Shape> shapes) {
        Set<JsonType> types = EnumSet.noneOf(JsonType.class);
        for (Shape shape : shapes) {
            if (shape.values == null) {
                types.addAll(shape.generatedTypes());
            } else {
                shape.values.forEach(value -> types.add(JsonType.of(value)));
            }
        }
        if (types.size() == JsonType.values().length) {
            return ANY;
        }
        if (!types.contains(JsonType.STRING)) {
            return JSON;
        }
        return types.contains(JsonType.NULL) ? TEXT_OR_NULL : TEXT;
    }
}
