package dev.millrace.models.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** Jinja's filters that apply an attribute, a filter or a test to every item. */
final class SelectionFilters {

    static final Map<String, Filter> ALL = Map.of(
            "map", SelectionFilters::map,
            "select", (value, arguments, rendering) -> select(value,
                    test(AttributePath.ITSELF, arguments, rendering), rendering),
            "reject", (value, arguments, rendering) -> select(value,
                    test(AttributePath.ITSELF, arguments, rendering).negate(), rendering),
            "selectattr", (value, arguments, rendering) -> select(value,
                    attributeTest(arguments, rendering), rendering),
            "rejectattr", (value, arguments, rendering) -> select(value,
                    attributeTest(arguments, rendering).negate(), rendering));

    private SelectionFilters() {}

    private static Generator map(Object value, Arguments arguments, Rendering rendering) {
        UnaryOperator<Object> change = change(arguments, rendering);
        return new Generator(() -> {
            List<Object> mapped = new ArrayList<>();
            for (Object item : items(value, rendering)) {
                mapped.add(change.apply(item));
            }
            return mapped;
        });
    }

    private static UnaryOperator<Object> change(Arguments arguments, Rendering rendering) {
        if (arguments.positional().isEmpty()) {
            Arguments.Bound bound = arguments.bind("map", "attribute", "default");
            AttributePath path = AttributePath.of(bound.required(0));
            Object otherwise = bound.optional(1, null);
            return otherwise == null
                    ? item -> path.in(item, rendering)
                    : item -> path.in(item, otherwise, rendering);
        }
        String name = name(arguments);
        Filter filter = Filters.named(name);
        if (filter == null) {
            throw Filters.unknown(name);
        }
        Arguments rest = arguments.without(1);
        return item -> filter.apply(item, rest, rendering);
    }

    private static Generator select(Object value, Predicate<Object> wanted, Rendering rendering) {
        return new Generator(() -> {
            List<Object> selected = new ArrayList<>();
            for (Object item : items(value, rendering)) {
                if (wanted.test(item)) {
                    selected.add(item);
                }
            }
            return selected;
        });
    }

    private static Predicate<Object> attributeTest(Arguments arguments, Rendering rendering) {
        if (arguments.positional().isEmpty()) {
            throw new EvaluationException("Missing parameter for attribute name");
        }
        AttributePath path = AttributePath.of(arguments.positional().getFirst());
        return test(path, arguments.without(1), rendering);
    }

    /** The test that comes first among the arguments, or truth if there is none. */
    private static Predicate<Object> test(AttributePath path, Arguments arguments,
            Rendering rendering) {
        if (arguments.positional().isEmpty()) {
            return item -> Values.truth(path.in(item, rendering));
        }
        String name = name(arguments);
        ValueTest test = ValueTests.named(name);
        Arguments rest = arguments.without(1);
        return item -> {
            if (test == null) {
                throw ValueTests.unknown(name);
            }
            return test.holds(path.in(item, rendering), rest, rendering);
        };
    }

    /** Jinja asks for nothing but truth before it iterates: None has no items here. */
    private static List<Object> items(Object value, Rendering rendering) {
        return Values.truth(value) ? Values.elements(value, rendering) : List.of();
    }

    private static String name(Arguments arguments) {
        if (arguments.positional().getFirst() instanceof Text name) {
            return name.value();
        }
        throw new EvaluationException("a filter or test is named by a string, not by a "
                + Values.typeName(arguments.positional().getFirst()));
    }
}
