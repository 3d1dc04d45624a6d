package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Repeat;

/** What a shape says of arrays. */
final class ArrayShape {

    private final SchemaGrammar grammar;
    private final JsonText json;
    private final Shape shape;

    ArrayShape(SchemaGrammar grammar, JsonText json, Shape shape) {
        this.grammar = grammar;
        this.json = json;
        this.shape = shape;
    }

    Expression expression() {
        int first = shape.elements.stream().mapToInt(each -> each.first().size()).max().orElse(0);
        boolean more = first == 0
                || shape.elements.stream().anyMatch(each -> each.rest() != null);
        int most = more ? shape.maxItems : Math.min(first, shape.maxItems);
        if (shape.minItems > most) {
            return Expression.NOTHING;
        }
        Expression empty = JsonText.emptyBrackets("[", "]", json.space());
        if (most == 0) {
            return empty;
        }
        int listed = Math.min(Math.max(first, 1), most);
        Expression tail = Expression.EMPTY;
        if (most > listed) {
            Expression element = Expression.sequence(json.comma(),
                    grammar.content(shape.element(first)));
            tail = new Repeat(element, Math.max(0, shape.minItems - listed),
                    most == Integer.MAX_VALUE ? Repeat.UNBOUNDED : most - listed);
        }
        for (int i = listed - 1; i > 0; i--) {
            Expression element = Expression.sequence(json.comma(),
                    grammar.content(shape.element(i)), tail);
            tail = i >= shape.minItems ? Expression.optional(element) : element;
        }
        Expression all = json.enclosed("[",
                Expression.sequence(grammar.content(shape.element(0)), tail), "]");
        return shape.minItems == 0 ? Expression.choice(empty, all) : all;
    }
}
