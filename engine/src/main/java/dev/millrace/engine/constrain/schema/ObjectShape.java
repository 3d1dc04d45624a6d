package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Call;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.Expression.Sequence;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a shape says of objects: named members in their order, then the others. */
final class ObjectShape {

    private final SchemaGrammar grammar;
    private final ObjectSpelling spelling;
    private final Shape shape;
    private final Map<String, List<Subschema>> named;
    private final List<Expression> members = new ArrayList<>();
    private final List<Boolean> required = new ArrayList<>();
    private boolean mayBeEmpty = true;

    ObjectShape(SchemaGrammar grammar, ObjectSpelling spelling, Shape shape) {
        this.grammar = grammar;
        this.spelling = spelling;
        this.shape = shape;
        named = shape.namedMembers();
        if (named.size() > SchemaLimits.PROPERTIES) {
            throw new GrammarException("an object has " + named.size() + " named members, at most "
                    + SchemaLimits.PROPERTIES + " are allowed");
        }
        if (!shape.names.isEmpty() && !named.isEmpty()) {
            throw new GrammarException("propertyNames is supported only where no member is named"
                    + " by properties or required");
        }
    }

    Expression expression() {
        if (shape.maxProperties < shape.required.size()) {
            return Expression.NOTHING;
        }
        long optional = named.keySet().stream().filter(name -> !shape.required.contains(name))
                .count();
        boolean byRules = optional > SchemaLimits.INLINE_OPTIONALS;
        named.forEach((name, schemas) -> {
            Expression member = spelling.member(name, schemas);
            if (byRules) {
                int rule = grammar.declare("member " + name);
                grammar.define(rule, member);
                member = new Call(rule);
            }
            add(member, shape.required.contains(name));
        });
        addOthers();
        Expression empty = spelling.empty();
        if (members.isEmpty()) {
            return mayBeEmpty ? empty : Expression.NOTHING;
        }
        Expression all = spelling.enclosed(list(byRules));
        return mayBeEmpty && !required.contains(true) ? Expression.choice(empty, all) : all;
    }

    private void add(Expression member, boolean needed) {
        members.add(member);
        required.add(needed);
    }

    /** Adds the members that are not named, which count as one, and checks the counts. */
    private void addOthers() {
        List<Subschema> said = shape.otherMembers();
        boolean others = said != null && said.stream()
                .noneMatch(schema -> schema.node().isBoolean() && !schema.node().booleanValue());
        int most = shape.maxProperties;
        if (!named.isEmpty() && (others ? most < Integer.MAX_VALUE : most < named.size())) {
            throw new GrammarException("maxProperties is supported only where no member is named,"
                    + " or where it allows all that are");
        }
        if (shape.minProperties > Math.max(1, shape.required.size())) {
            throw new GrammarException("minProperties is supported up to 1 and up to the count of"
                    + " required members");
        }
        mayBeEmpty = shape.minProperties == 0;
        Expression other = others && most > 0 ? spelling.other(named, shape.names, said) : null;
        if (other != null) {
            add(Expression.sequence(other, new Repeat(Expression.sequence(spelling.between(),
                    other), 0, most == Integer.MAX_VALUE ? Repeat.UNBOUNDED : most - 1)), false);
        }
    }

    /** At least one member: one that comes first, with what may follow it. */
    private Expression list(boolean byRules) {
        if (byRules) {
            return listByRules();
        }
        List<Expression> options = new ArrayList<>();
        for (int first = 0; first < members.size(); first++) {
            List<Expression> parts = new ArrayList<>(List.of(members.get(first)));
            for (int next = first + 1; next < members.size(); next++) {
                Expression part = Expression.sequence(spelling.between(), members.get(next));
                parts.add(required.get(next) ? part : Expression.optional(part));
            }
            options.add(new Sequence(parts));
            if (required.get(first)) {
                break;
            }
        }
        return new Choice(options);
    }

    /** The same in as many rules as there are members, where that would be a square of them. */
    private Expression listByRules() {
        Expression after = Expression.EMPTY;
        Expression rest = Expression.NOTHING;
        boolean needed = false;
        for (int i = members.size() - 1; i >= 0; i--) {
            Expression here = Expression.sequence(members.get(i), after);
            int rule = grammar.declare("members from " + i);
            grammar.define(rule, required.get(i) ? here : Expression.choice(here, rest));
            rest = new Call(rule);
            needed |= required.get(i);
            Expression more = Expression.sequence(spelling.between(), rest);
            int following = grammar.declare("comma and members from " + i);
            grammar.define(following, needed ? more : Expression.optional(more));
            after = new Call(following);
        }
        return rest;
    }
}
