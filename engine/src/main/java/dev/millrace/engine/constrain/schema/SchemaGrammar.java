package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Call;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Turns JSON Schemas (draft 2020-12) into grammars of texts that are valid under them. Not every
 * valid text is in the grammar: members come in the schema's order, a type that is not stated is
 * the one that the keywords speak of, members that are not named come only where
 * {@code additionalProperties} asks for them or nothing is named at all.
 */
public final class SchemaGrammar {

    private static final int ROOT = 0;

    private final SchemaReader reader;
    private final Grammar.Builder builder = new Grammar.Builder();
    private final JsonText json;
    private final ObjectSpelling objects;
    private final Map<Key, Integer> rules = new HashMap<>();
    private final Deque<Pending> pending = new ArrayDeque<>();

    /** Schemas that hold together, told apart by where they stand. */
    private record Key(List<Integer> hashes, List<JsonNode> nodes) {

        Key(List<Subschema> schemas) {
            this(schemas.stream().map(schema -> System.identityHashCode(schema.node())).toList(),
                    schemas.stream().map(Subschema::node).toList());
        }

        @Override
        public boolean equals(Object other) {
            if (!(other instanceof Key key) || nodes.size() != key.nodes.size()) {
                return false;
            }
            for (int i = 0; i < nodes.size(); i++) {
                if (nodes.get(i) != key.nodes.get(i)) {
                    return false;
                }
            }
            return true;
        }

        @Override
        public int hashCode() {
            return hashes.hashCode();
        }
    }

    /** A rule that is declared and not yet defined. */
    private record Pending(int rule, List<Subschema> schemas) {}

    private SchemaGrammar(JsonNode schema, boolean compact) {
        if (!schema.isObject() && !schema.isBoolean()) {
            throw new GrammarException("a schema must be an object, true or false, got "
                    + SchemaKeywords.shown(schema));
        }
        reader = new SchemaReader(schema);
        builder.declare("schema");
        json = new JsonText(builder, compact);
        objects = new JsonMembers(this, json);
    }

    /**
     * The grammar of what is valid under a schema.
     *
     * @param compact whether to allow no white space between values at all
     * @throws GrammarException if the schema is wrong or has what cannot be enforced; names it
     */
    public static Grammar of(JsonNode schema, boolean compact) {
        SchemaGrammar grammar = new SchemaGrammar(schema, compact);
        List<Subschema> root = List.of(new Subschema(schema, "schema"));
        grammar.rules.put(new Key(root), ROOT);
        grammar.pending.add(new Pending(ROOT, root));
        return grammar.grammar();
    }

    /**
     * The grammar of the members of an object that is valid under a schema, spelled in another way
     * than JSON's.
     *
     * @throws GrammarException as above, and if it has what cannot be spelled in that way
     */
    public static Grammar members(JsonNode schema, MemberSpelling spelling) {
        SchemaGrammar grammar = new SchemaGrammar(schema, false);
        ObjectSpelling members = new NamedMembers(grammar, grammar.json, spelling);
        List<Expression> options = new ArrayList<>();
        for (Shape shape : grammar.expand(List.of(new Subschema(schema, "schema")))) {
            if (shape.values != null) {
                throw new GrammarException("an object must not be one of enum or const, the way"
                        + " the model spells calls");
            }
            if (shape.types.contains(JsonType.OBJECT)) {
                options.add(new ObjectShape(grammar, members, shape).expression());
            }
        }
        grammar.define(ROOT, new Choice(options));
        return grammar.grammar();
    }

    /** The ways to satisfy all of some schemas. */
    List<Shape> expand(List<Subschema> schemas) {
        return reader.expand(schemas);
    }

    /** The grammar of all JSON objects. */
    public static Grammar anyObject(boolean compact) {
        Grammar.Builder builder = new Grammar.Builder();
        int root = builder.declare("JSON");
        builder.define(root, new JsonText(builder, compact).object());
        return builder.build();
    }

    private Grammar grammar() {
        while (!pending.isEmpty()) {
            Pending next = pending.remove();
            builder.define(next.rule(), expression(next.schemas()));
        }
        return builder.build();
    }

    /** What satisfies all of some schemas, as a call of a rule of its own. */
    Expression content(List<Subschema> schemas) {
        if (schemas.isEmpty()) {
            return json.value();
        }
        List<Subschema> direct = schemas.stream().map(reader::skipReferences).toList();
        Key key = new Key(direct);
        Integer known = rules.get(key);
        if (known == null) {
            known = builder.declare(direct.getFirst().path());
            rules.put(key, known);
            pending.add(new Pending(known, direct));
        }
        return new Call(known);
    }

    int declare(String name) {
        return builder.declare(name);
    }

    void define(int rule, Expression body) {
        builder.define(rule, body);
    }

    private Expression expression(List<Subschema> schemas) {
        List<Expression> options = new ArrayList<>();
        for (Shape shape : reader.expand(schemas)) {
            options.add(expression(shape));
        }
        return new Choice(options);
    }

    Expression expression(Shape shape) {
        if (shape.values != null) {
            return new Choice(JsonValues.allowed(shape).stream().map(json::literal).toList());
        }
        if (shape.generatedTypes().size() == JsonType.values().length
                && shape.implied.isEmpty()) {
            return json.value();
        }
        List<Expression> options = new ArrayList<>();
        for (JsonType type : shape.generatedTypes()) {
            switch (type) {
                case NULL -> options.add(Expression.text("null"));
                case BOOLEAN -> options.add(Expression.choice(Expression.text("true"),
                        Expression.text("false")));
                case INTEGER -> {
                    if (!shape.generatedTypes().contains(JsonType.FRACTION)) {
                        options.add(NumberShapes.whole(shape));
                    }
                }
                case FRACTION -> options.add(NumberShapes.any(shape));
                case STRING -> options.add(shape.saysNothingOfStrings()
                        ? json.string()
                        : JsonText.quoted(StringShapes.spelled(shape)));
                case ARRAY -> options.add(new ArrayShape(this, json, shape).expression());
                case OBJECT -> options.add(new ObjectShape(this, objects, shape).expression());
            }
        }
        return new Choice(options);
    }

    /** A string that satisfies all of some schemas, with its quotes. */
    Expression string(List<Subschema> schemas) {
        List<Expression> options = new ArrayList<>();
        for (Shape shape : reader.expand(schemas)) {
            if (shape.types.contains(JsonType.STRING)) {
                shape.types.retainAll(JsonType.named("string"));
                shape.typeStated = true;
                options.add(expression(shape));
            }
        }
        return new Choice(options);
    }
}
