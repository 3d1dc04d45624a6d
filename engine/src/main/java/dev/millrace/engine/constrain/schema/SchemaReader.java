package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.Shape.Elements;
import dev.millrace.engine.constrain.schema.Shape.Members;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** Multiplies out what schemas say together: references, combinations and choices disappear. */
final class SchemaReader {

    private final JsonNode root;
    private final SchemaReferences references;
    private final boolean checking;
    private final Set<JsonNode> open = Collections.newSetFromMap(new IdentityHashMap<>());

    SchemaReader(JsonNode root) {
        this(root, new SchemaReferences(root), true);
    }

    private SchemaReader(JsonNode root, SchemaReferences references, boolean checking) {
        this.root = root;
        this.references = references;
        this.checking = checking;
    }

    /** Another reader of the same schema, that takes the branches of a oneOf as disjoint. */
    SchemaReader trusting() {
        return new SchemaReader(root, references, false);
    }

    /** What a schema that says nothing itself refers to; itself if it says something. */
    Subschema skipReferences(Subschema schema) {
        Subschema at = schema;
        for (int steps = 0; at.node().isObject() && at.node().size() == 1
                && at.node().has("$ref"); steps++) {
            if (steps == SchemaLimits.NESTING) {
                throw endless(schema.path());
            }
            at = new Subschema(references.resolve(at.node().get("$ref"), at.path()),
                    "$ref " + at.node().get("$ref").asString());
        }
        return at;
    }

    /** The ways to satisfy all of some schemas; none if that is impossible. */
    List<Shape> expand(List<Subschema> schemas) {
        List<Shape> shapes = List.of(new Shape());
        for (Subschema schema : schemas) {
            shapes = applyEach(schema, shapes);
        }
        return shapes;
    }

    private List<Shape> applyEach(Subschema schema, List<Shape> shapes) {
        List<Shape> applied = new ArrayList<>();
        for (Shape shape : shapes) {
            applied.addAll(apply(schema, shape));
            if (applied.size() > SchemaLimits.ALTERNATIVES) {
                throw new GrammarException(schema.path() + " has more than "
                        + SchemaLimits.ALTERNATIVES + " alternatives, multiplied out");
            }
        }
        return applied;
    }

    private List<Shape> apply(Subschema schema, Shape base) {
        JsonNode node = schema.node();
        String path = schema.path();
        if (node.isBoolean()) {
            return node.booleanValue() ? List.of(base) : List.of();
        }
        SchemaKeywords.object(node, path);
        if (!open.add(node) || open.size() > SchemaLimits.NESTING) {
            throw endless(path);
        }
        SchemaKeywords.requireSupported(node, path, node == root);
        Shape own = base.copy();
        if (!readOwn(node, path, own)) {
            open.remove(node);
            return List.of();
        }
        List<Shape> shapes = List.of(own);
        if (node.has("$ref")) {
            JsonNode target = references.resolve(node.get("$ref"), path);
            shapes = applyEach(new Subschema(target, "$ref " + node.get("$ref").asString()),
                    shapes);
        }
        for (Subschema part : list(node, "allOf", path)) {
            shapes = applyEach(part, shapes);
        }
        shapes = choose(list(node, "anyOf", path), shapes);
        List<Subschema> exclusive = list(node, "oneOf", path);
        if (checking && exclusive.size() > 1) {
            requireDisjoint(exclusive, shapes);
        }
        shapes = choose(exclusive, shapes);
        open.remove(node);
        return shapes;
    }

    private void requireDisjoint(List<Subschema> branches, List<Shape> shapes) {
        DisjointShapes disjoint = new DisjointShapes(trusting());
        List<List<Shape>> each = new ArrayList<>();
        for (Subschema branch : branches) {
            each.add(applyEach(branch, shapes));
        }
        for (int second = 1; second < each.size(); second++) {
            for (int first = 0; first < second; first++) {
                if (!disjoint.areDisjoint(each.get(first), each.get(second), 0)) {
                    throw new GrammarException(branches.get(first).path() + " and "
                            + branches.get(second).path() + " may both hold for a value, so that"
                            + " oneOf cannot be enforced: tell them apart by their types or by a"
                            + " required member with different constants, or use anyOf");
                }
            }
        }
    }

    private static GrammarException endless(String path) {
        return new GrammarException(path + " is a reference cycle that never ends: it refers to"
                + " itself without any value between, or deeper than " + SchemaLimits.NESTING
                + " levels");
    }

    private List<Shape> choose(List<Subschema> branches, List<Shape> shapes) {
        if (branches.isEmpty()) {
            return shapes;
        }
        List<Shape> chosen = new ArrayList<>();
        for (Subschema branch : branches) {
            chosen.addAll(applyEach(branch, shapes));
            if (chosen.size() > SchemaLimits.ALTERNATIVES) {
                throw new GrammarException(branch.path() + " makes more than "
                        + SchemaLimits.ALTERNATIVES + " alternatives, multiplied out");
            }
        }
        return chosen;
    }

    private static List<Subschema> list(JsonNode node, String keyword, String path) {
        if (!node.has(keyword)) {
            return List.of();
        }
        String where = path + "." + keyword;
        List<Subschema> schemas = new ArrayList<>();
        for (JsonNode each : SchemaKeywords.array(node.get(keyword), where).values()) {
            schemas.add(new Subschema(each, where + "[" + schemas.size() + "]"));
        }
        if (schemas.isEmpty() && !keyword.equals("prefixItems")) {
            throw new GrammarException(where + " must not be empty");
        }
        return schemas;
    }

    /** Adds what a schema itself says. @return whether anything can still satisfy it */
    private boolean readOwn(JsonNode node, String path, Shape shape) {
        readTypes(node, path, shape);
        if (!readValues(node, path, shape)) {
            return false;
        }
        readNumbers(node, path, shape);
        readStrings(node, path, shape);
        readObjects(node, path, shape);
        readArrays(node, path, shape);
        return !shape.types.isEmpty();
    }

    private static void readTypes(JsonNode node, String path, Shape shape) {
        for (String keyword : node.propertyNames()) {
            if (SchemaKeywords.STRING.contains(keyword)) {
                shape.implied.add(JsonType.STRING);
            } else if (SchemaKeywords.NUMBER.contains(keyword)) {
                shape.implied.addAll(JsonType.named("number"));
            } else if (SchemaKeywords.ARRAY.contains(keyword)) {
                shape.implied.add(JsonType.ARRAY);
            } else if (SchemaKeywords.OBJECT.contains(keyword)) {
                shape.implied.add(JsonType.OBJECT);
            }
        }
        JsonNode type = node.get("type");
        if (type == null) {
            return;
        }
        EnumSet<JsonType> stated = EnumSet.noneOf(JsonType.class);
        for (JsonNode word : type.isArray() ? type.values() : List.of(type)) {
            String name = SchemaKeywords.text(word, path + ".type");
            if (JsonType.named(name).isEmpty()) {
                throw new GrammarException(path + ".type must be null, boolean, integer, number,"
                        + " string, array or object, got " + name);
            }
            stated.addAll(JsonType.named(name));
        }
        shape.types.retainAll(stated);
        shape.typeStated = true;
    }

    private static boolean readValues(JsonNode node, String path, Shape shape) {
        List<JsonNode> values = shape.values;
        if (node.has("enum")) {
            JsonNode list = SchemaKeywords.array(node.get("enum"), path + ".enum");
            if (list.size() > SchemaLimits.VALUES) {
                throw new GrammarException(path + ".enum has " + list.size() + " values, at most "
                        + SchemaLimits.VALUES + " are allowed");
            }
            values = JsonValues.common(values, new ArrayList<>(list.values()));
        }
        if (node.has("const")) {
            values = JsonValues.common(values, List.of(node.get("const")));
        }
        shape.values = values;
        return values == null || !values.isEmpty();
    }

    private static void readNumbers(JsonNode node, String path, Shape shape) {
        BigDecimal minimum = SchemaKeywords.number(node, "minimum", path);
        BigDecimal above = SchemaKeywords.number(node, "exclusiveMinimum", path);
        BigDecimal maximum = SchemaKeywords.number(node, "maximum", path);
        BigDecimal below = SchemaKeywords.number(node, "exclusiveMaximum", path);
        BigDecimal factor = SchemaKeywords.number(node, "multipleOf", path);
        if (minimum != null) {
            shape.atLeast(minimum, false);
        }
        if (above != null) {
            shape.atLeast(above, true);
        }
        if (maximum != null) {
            shape.atMost(maximum, false);
        }
        if (below != null) {
            shape.atMost(below, true);
        }
        if (factor != null) {
            if (factor.signum() <= 0) {
                throw new GrammarException(path + ".multipleOf must be above 0");
            }
            shape.factors.add(factor);
        }
    }

    private static void readStrings(JsonNode node, String path, Shape shape) {
        shape.minLength = Math.max(shape.minLength,
                SchemaKeywords.count(node, "minLength", 0, path));
        shape.maxLength = Math.min(shape.maxLength,
                SchemaKeywords.count(node, "maxLength", Integer.MAX_VALUE, path));
        if (node.has("pattern")) {
            shape.patterns.add(SchemaKeywords.text(node.get("pattern"), path + ".pattern"));
        }
        if (node.has("format")) {
            String format = SchemaKeywords.text(node.get("format"), path + ".format");
            StringFormats.require(format, path);
            shape.formats.add(format);
        }
    }

    private static void readObjects(JsonNode node, String path, Shape shape) {
        Map<String, Subschema> named = new LinkedHashMap<>();
        if (node.has("properties")) {
            SchemaKeywords.object(node.get("properties"), path + ".properties").properties()
                    .forEach(entry -> named.put(entry.getKey(), new Subschema(entry.getValue(),
                            path + ".properties." + entry.getKey())));
        }
        Subschema others = sub(node, "additionalProperties", path);
        if (!named.isEmpty() || others != null) {
            shape.members.add(new Members(named, others));
        }
        if (node.has("required")) {
            SchemaKeywords.array(node.get("required"), path + ".required").values().forEach(
                    name -> shape.required.add(SchemaKeywords.text(name, path + ".required")));
        }
        if (node.has("propertyNames")) {
            shape.names.add(sub(node, "propertyNames", path));
        }
        shape.minProperties = Math.max(shape.minProperties,
                SchemaKeywords.count(node, "minProperties", 0, path));
        shape.maxProperties = Math.min(shape.maxProperties,
                SchemaKeywords.count(node, "maxProperties", Integer.MAX_VALUE, path));
    }

    private static void readArrays(JsonNode node, String path, Shape shape) {
        if (node.has("items") || node.has("prefixItems")) {
            shape.elements.add(new Elements(list(node, "prefixItems", path),
                    sub(node, "items", path)));
        }
        shape.minItems = Math.max(shape.minItems,
                SchemaKeywords.count(node, "minItems", 0, path));
        shape.maxItems = Math.min(shape.maxItems,
                SchemaKeywords.count(node, "maxItems", Integer.MAX_VALUE, path));
    }

    private static Subschema sub(JsonNode node, String keyword, String path) {
        JsonNode schema = node.get(keyword);
        if (schema == null) {
            return null;
        }
        if (!schema.isObject() && !schema.isBoolean()) {
            throw new GrammarException(path + "." + keyword
                    + " must be a schema: an object, true or false, got "
                    + SchemaKeywords.shown(schema));
        }
        return new Subschema(schema, path + "." + keyword);
    }
}
