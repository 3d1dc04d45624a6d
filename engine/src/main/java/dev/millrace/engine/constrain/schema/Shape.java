package dev.millrace.engine.constrain.schema;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What schemas that hold at the same time say of a value, without any choice left. */
final class Shape {

    /** A schema, and where it stands. */
    record Subschema(JsonNode node, String path) {}

    /** What one schema says of an object's members; {@code others} is null for nothing. */
    record Members(Map<String, Subschema> named, Subschema others) {

        /** What it says of a member, or null. */
        Subschema of(String name) {
            return named.getOrDefault(name, others);
        }
    }

    /** What one schema says of an array's elements; {@code rest} is null for nothing. */
    record Elements(List<Subschema> first, Subschema rest) {

        Subschema of(int index) {
            return index < first.size() ? first.get(index) : rest;
        }
    }

    final EnumSet<JsonType> types = EnumSet.allOf(JsonType.class);
    /** Types that the keywords speak of; they stand in for a type that nobody states. */
    final EnumSet<JsonType> implied = EnumSet.noneOf(JsonType.class);
    boolean typeStated;
    List<JsonNode> values; // null where any will do

    BigDecimal minimum;
    boolean minimumExcluded;
    BigDecimal maximum;
    boolean maximumExcluded;
    final List<BigDecimal> factors = new ArrayList<>();

    int minLength;
    int maxLength = Integer.MAX_VALUE;
    final Set<String> patterns = new LinkedHashSet<>();
    final Set<String> formats = new LinkedHashSet<>();

    final List<Members> members = new ArrayList<>();
    final Set<String> required = new LinkedHashSet<>();
    final List<Subschema> names = new ArrayList<>();
    int minProperties;
    int maxProperties = Integer.MAX_VALUE;

    final List<Elements> elements = new ArrayList<>();
    int minItems;
    int maxItems = Integer.MAX_VALUE;

    Shape copy() {
        Shape copy = new Shape();
        copy.types.retainAll(types);
        copy.implied.addAll(implied);
        copy.typeStated = typeStated;
        copy.values = values;
        copy.minimum = minimum;
        copy.minimumExcluded = minimumExcluded;
        copy.maximum = maximum;
        copy.maximumExcluded = maximumExcluded;
        copy.factors.addAll(factors);
        copy.minLength = minLength;
        copy.maxLength = maxLength;
        copy.patterns.addAll(patterns);
        copy.formats.addAll(formats);
        copy.members.addAll(members);
        copy.required.addAll(required);
        copy.names.addAll(names);
        copy.minProperties = minProperties;
        copy.maxProperties = maxProperties;
        copy.elements.addAll(elements);
        copy.minItems = minItems;
        copy.maxItems = maxItems;
        return copy;
    }

    void atLeast(BigDecimal bound, boolean excluded) {
        int order = minimum == null ? 1 : bound.compareTo(minimum);
        if (order > 0 || order == 0 && excluded) {
            minimum = bound;
            minimumExcluded = excluded;
        }
    }

    void atMost(BigDecimal bound, boolean excluded) {
        int order = maximum == null ? -1 : bound.compareTo(maximum);
        if (order < 0 || order == 0 && excluded) {
            maximum = bound;
            maximumExcluded = excluded;
        }
    }

    /** The types to generate: where nobody states any, those that the keywords speak of. */
    Set<JsonType> generatedTypes() {
        return typeStated || values != null || implied.isEmpty() ? types : implied;
    }

    /** The members that are named, in order. */
    Map<String, List<Subschema>> namedMembers() {
        Map<String, List<Subschema>> named = new LinkedHashMap<>();
        Set<String> all = new LinkedHashSet<>();
        members.forEach(each -> all.addAll(each.named().keySet()));
        all.addAll(required);
        all.forEach(name -> named.put(name, member(name)));
        return named;
    }

    /** What is said of a member. */
    List<Subschema> member(String name) {
        List<Subschema> said = new ArrayList<>();
        for (Members each : members) {
            if (each.of(name) != null) {
                said.add(each.of(name));
            }
        }
        return said;
    }

    /** What is said of members that nobody names; null where there shall be none. */
    List<Subschema> otherMembers() {
        List<Subschema> said = new ArrayList<>();
        boolean named = false;
        for (Members each : members) {
            named |= !each.named().isEmpty();
            if (each.others() != null) {
                said.add(each.others());
            }
        }
        return named && said.isEmpty() ? null : said;
    }

    /** What is said of an element. */
    List<Subschema> element(int index) {
        List<Subschema> said = new ArrayList<>();
        for (Elements each : elements) {
            if (each.of(index) != null) {
                said.add(each.of(index));
            }
        }
        return said;
    }

    boolean saysNothingOfStrings() {
        return minLength == 0 && maxLength == Integer.MAX_VALUE && patterns.isEmpty()
                && formats.isEmpty();
    }

    boolean saysNothingOfNumbers() {
        return minimum == null && maximum == null && factors.isEmpty();
    }

    boolean saysNothingOfArrays() {
        return elements.isEmpty() && minItems == 0 && maxItems == Integer.MAX_VALUE;
    }

    boolean saysNothingOfObjects() {
        return members.isEmpty() && required.isEmpty() && names.isEmpty() && minProperties == 0
                && maxProperties == Integer.MAX_VALUE;
    }
}
