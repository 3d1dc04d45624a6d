package dev.millrace.engine.constrain.schema;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Tells whether no value can have both of two shapes. Says no where it cannot tell: it looks at
 * types, constants, bounds of numbers, and at members that both require or one forbids.
 */
final class DisjointShapes {

    private static final int DEPTH = 3;

    private final SchemaReader reader;

    DisjointShapes(SchemaReader reader) {
        this.reader = reader;
    }

    boolean areDisjoint(List<Shape> some, List<Shape> others, int depth) {
        return some.stream().allMatch(one -> others.stream()
                .allMatch(other -> areDisjoint(one, other, depth)));
    }

    private boolean areDisjoint(Shape one, Shape other, int depth) {
        Set<JsonType> common = EnumSet.copyOf(one.types);
        common.retainAll(other.types);
        if (common.isEmpty() || haveDisjointValues(one, other)) {
            return true;
        }
        for (JsonType type : common) {
            boolean disjoint = switch (type) {
                case INTEGER, FRACTION -> haveDisjointBounds(one, other);
                case OBJECT -> haveDisjointMembers(one, other, depth);
                default -> false;
            };
            if (!disjoint) {
                return false;
            }
        }
        return true;
    }

    private static boolean haveDisjointValues(Shape one, Shape other) {
        if (one.values != null && other.values != null) {
            Set<Object> keys = new HashSet<>();
            one.values.forEach(value -> keys.add(JsonValues.key(value)));
            return other.values.stream().noneMatch(value -> keys.contains(JsonValues.key(value)));
        }
        Shape valued = one.values != null ? one : other;
        Shape free = valued == one ? other : one;
        if (valued.values == null) {
            return false;
        }
        for (JsonNode value : valued.values) {
            if (free.types.contains(JsonType.of(value))) {
                return false;
            }
        }
        return true;
    }

    private static boolean haveDisjointBounds(Shape one, Shape other) {
        return isBelow(one, other) || isBelow(other, one);
    }

    private static boolean isBelow(Shape low, Shape high) {
        if (low.maximum == null || high.minimum == null) {
            return false;
        }
        int order = low.maximum.compareTo(high.minimum);
        return order < 0 || order == 0 && (low.maximumExcluded || high.minimumExcluded);
    }

    private boolean haveDisjointMembers(Shape one, Shape other, int depth) {
        for (String name : one.required) {
            if (forbids(other, name)) {
                return true;
            }
            if (other.required.contains(name) && depth < DEPTH
                    && areDisjoint(reader.trusting().expand(one.member(name)),
                            reader.trusting().expand(other.member(name)), depth + 1)) {
                return true;
            }
        }
        return other.required.stream().anyMatch(name -> forbids(one, name));
    }

    /** Whether a member is false by a schema that says so itself. */
    private static boolean forbids(Shape shape, String name) {
        return shape.member(name).stream().map(Shape.Subschema::node)
                .anyMatch(node -> node.isBoolean() && !node.booleanValue());
    }
}
