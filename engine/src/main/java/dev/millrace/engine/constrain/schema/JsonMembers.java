package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Choice;
import dev.millrace.engine.constrain.Expression.Without;
import dev.millrace.engine.constrain.schema.Shape.Subschema;
import java.util.List;
import java.util.Map;

/** Objects as JSON has them. */
record JsonMembers(SchemaGrammar grammar, JsonText json) implements ObjectSpelling {

    @Override
    public Expression member(String name, List<Subschema> schemas) {
        return json.member(JsonText.literal(name), grammar.content(schemas));
    }

    @Override
    public Expression other(Map<String, List<Subschema>> named, List<Subschema> names,
            List<Subschema> schemas) {
        return json.member(otherName(named, names), grammar.content(schemas));
    }

    private Expression otherName(Map<String, List<Subschema>> named, List<Subschema> names) {
        if (!names.isEmpty()) {
            return grammar.string(names);
        }
        if (named.isEmpty()) {
            return json.string();
        }
        // One spelling per name, so that no named one comes in disguise.
        Expression any = JsonText.quoted(Expression.any(
                JsonText.spelled(new Characters(CodePoints.ALL))));
        return new Without(any, new Choice(named.keySet().stream()
                .map(JsonText::literal).toList()));
    }

    @Override
    public Expression between() {
        return json.comma();
    }

    @Override
    public Expression enclosed(Expression members) {
        return json.enclosed("{", members, "}");
    }

    @Override
    public Expression empty() {
        return JsonText.emptyBrackets("{", "}", json.space());
    }
}
